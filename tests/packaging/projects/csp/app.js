import { ask } from './ask.js';
import { Reranker } from './node_modules/crossrank/pkg/dist/index.js';

globalThis.violations = [];
document.addEventListener('securitypolicyviolation', (event) => {
  globalThis.violations.push(`${event.violatedDirective} ${event.blockedURI}`);
});
await ask(Reranker);
