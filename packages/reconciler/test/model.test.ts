// Random events, many between two passes: whatever happens, the kernel ends as desired, and nothing leaks on the way.
// One run again: `FUZZ_SEED=17 vitest run --project unit packages/reconciler/test/model`. More of them: test/fuzz.ts.
import { randomEvents } from './model/suite.ts';

randomEvents(1, 70);
