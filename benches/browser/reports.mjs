// What pages that nobody drives fetch and tell: their task at /task, and POSTs to /report/NAME.

export class Reports {
  /** What the next page is to do. */
  task = null;
  #come = new Map();

  /** Forgets what was reported. */
  clear() {
    this.#come.clear();
  }

  /** What a page reports under this name, now or later. */
  wait(name) {
    return this.#entry(name).promise;
  }

  /** Answers requests of such pages; false for all others. */
  answer(request, response) {
    if (request.url === '/task') {
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(this.task));
    } else if (request.method === 'POST') {
      this.#take(request).then(
        () => response.writeHead(204).end(),
        () => response.writeHead(400).end(),
      );
    } else {
      return false;
    }
    return true;
  }

  async #take(request) {
    let text = '';
    for await (const chunk of request) text += chunk;
    this.#entry(decodeURIComponent(request.url.replace('/report/', ''))).resolve(JSON.parse(text));
  }

  #entry(name) {
    if (!this.#come.has(name)) {
      const entry = {};
      entry.promise = new Promise((resolve) => {
        entry.resolve = resolve;
      });
      this.#come.set(name, entry);
    }
    return this.#come.get(name);
  }
}
