import { Reranker } from 'crossrank';
import { ask } from './ask.js';

await ask(Reranker);
