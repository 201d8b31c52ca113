// Whether the reader's pointer, focus or scrolling is on the list: as long as it is, nothing may move there.

import { type UIEvent, useRef } from 'react';
import type { SearchSession } from '../session.js';

export function useHold(session: SearchSession) {
  const on = useRef({ pointer: false, focus: false, scrolled: false });
  const set = (change: Partial<typeof on.current>) => {
    Object.assign(on.current, change);
    const { pointer, focus, scrolled } = on.current;
    session.hold(pointer || focus || scrolled);
  };
  return {
    /** Whether the focus, or what stands for it, is on an entry. */
    focus: (focus: boolean) => set({ focus }),
    list: {
      // Not when it enters: a list that appears under a pointer at rest is not pointed at.
      onPointerMove: () => set({ pointer: true }),
      onPointerLeave: () => set({ pointer: false }),
      onScroll: ({ currentTarget }: UIEvent<HTMLElement>) => set({ scrolled: currentTarget.scrollTop > 0 }),
    },
  };
}
