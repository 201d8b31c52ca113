import { ask } from './ask.js';

// Written out in a real page: import { Reranker } from 'https://cdn.jsdelivr.net/npm/crossrank@0.1.0/pkg/dist/cdn.js';
const cdn = new URLSearchParams(location.search).get('cdn');
const { Reranker } = await import(cdn);
await ask(Reranker);
