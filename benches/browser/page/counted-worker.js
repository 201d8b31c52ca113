// Our worker script, counted.
import './gpu-count.js';
import '/pkg/dist/worker.js';
