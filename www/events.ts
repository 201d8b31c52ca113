// The one event of a reranker: `devicechange`.

import type { DeviceChange } from './devices.js';
import { CrossrankError } from './errors.js';
import type { DeviceKind } from './protocol.js';
import { typeName } from './text.js';

/** Another device serves from now on. Calls that were pending are answered by it, with the same order. */
export class DeviceChangeEvent extends Event {
  readonly from: DeviceKind;
  readonly to: DeviceKind;
  /** As `status.device.why`. */
  readonly why: string;

  constructor({ from, to, why }: DeviceChange) {
    super('devicechange');
    this.from = from;
    this.to = to;
    this.why = why;
  }
}

type Listener = (event: DeviceChangeEvent) => void;

/** An EventTarget for it, whose functions refuse what an EventTarget would ignore. */
export class DeviceEvents {
  readonly #target = new EventTarget();

  tell(change: DeviceChange): void {
    this.#target.dispatchEvent(new DeviceChangeEvent(change));
  }

  add(type: string, listener: Listener, options?: AddEventListenerOptions | boolean): void {
    check(type, listener);
    this.#target.addEventListener(type, listener as EventListener, options);
  }

  remove(type: string, listener: Listener, options?: EventListenerOptions | boolean): void {
    check(type, listener);
    this.#target.removeEventListener(type, listener as EventListener, options);
  }
}

function check(type: unknown, listener: unknown): void {
  if (type !== 'devicechange') {
    throw new CrossrankError(
      'OPTION',
      `There is no event ${JSON.stringify(String(type).slice(0, 60))}. The one event of a reranker is 'devicechange'.`,
    );
  }
  if (typeof listener !== 'function') {
    throw new CrossrankError('OPTION', `The listener is ${typeName(listener)}. It must be a function.`);
  }
}
