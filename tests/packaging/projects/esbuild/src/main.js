import { Reranker } from 'crossrank';
import { ask } from '../ask.js';

// Where the build has copied the model to. Worker and wasm are found beside this script.
ask(Reranker, { model: new URL('./model/', import.meta.url) });
