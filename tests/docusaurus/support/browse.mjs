// Searches a built or started site in Chromium, in the way a reader does, whatever search it has.

/** How each search is used: where its field is, and what its results are. */
const SEARCHES = {
  none: {
    async open(page) {
      await page.getByRole('button', { name: 'Search', exact: true }).click();
      return page.getByRole('combobox');
    },
    results: '[role=option]',
    url: (element) =>
      element.closest('a, [href]')?.getAttribute('href') ?? element.querySelector('a')?.getAttribute('href'),
  },
  easyops: {
    async open(page) {
      const field = page.locator('.navbar__search input');
      await field.click();
      return field;
    },
    results: '.navbar__search [class*=suggestion_] , .navbar__search [role=option]',
  },
  lunr: {
    async open(page) {
      const field = page.locator('#search_input_react:enabled');
      await field.click();
      return field;
    },
    results: '.algolia-docsearch-suggestion',
  },
};

/** Types a question into the site's search and returns the texts of its results, as they are drawn. */
export async function ask(page, search, question) {
  const field = await SEARCHES[search].open(page);
  await field.fill('');
  await field.pressSequentially(question, { delay: 5 });
  return field;
}

export const resultsOf = (page, search) => page.locator(SEARCHES[search].results).allInnerTexts();

/** The model's state, as the page tells it: idle, loading, ready, basic; null before anything of ours ran. */
export const modelState = (page) => page.evaluate(() => document.documentElement.dataset.crossrank ?? null);

export const waitForModel = (page, state = 'ready') =>
  page.waitForFunction((wanted) => document.documentElement.dataset.crossrank === wanted, state, {
    timeout: 120_000,
  });
