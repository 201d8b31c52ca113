'use client';

import { Reranker } from 'crossrank';
import { useEffect } from 'react';
import { ask } from '../ask.js';

export default function Page() {
  useEffect(() => {
    ask(Reranker);
  }, []);
  return <p>Next</p>;
}
