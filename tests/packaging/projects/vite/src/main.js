import { Reranker } from 'crossrank';
import { ask } from '../ask.js';

ask(Reranker);
