/**
 * `stratamem/testing`: what tests of an application, an adapter or this package itself build on. Owns: the list of what
 * is public there. Does not own: any logic.
 */

export { type EmbedCall, fakeEmbedder, type FakeEmbedder, type FakeEmbedderOptions } from "./fake-embedder.js";
export {
  type Fault,
  type FaultPlan,
  faultStorage,
  type FaultStorage,
  nthWrite,
  type RecordedWrite,
  replay,
  type StorageCall,
} from "./fault-storage.js";
export { manualClock, type ManualClock } from "./manual-clock.js";
export {
  type ConformanceCase,
  type ConformanceResult,
  runStorageConformance,
  storageConformance,
  type StorageFixture,
} from "./storage-conformance.js";
