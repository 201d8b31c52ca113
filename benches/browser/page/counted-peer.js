// The peer's worker script, counted.
import './gpu-count.js';
import './peer-worker.js';
