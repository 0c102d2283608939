// One browser and one server for all tests of a file.

import { afterAll, beforeAll } from "vitest";
import { launch, makeProfile, type Chrome } from "./chrome.js";
import { servePackage, type FileServer } from "./server.js";

/** What runs from before the first test to after the last one. */
export interface Running {
  chrome: Chrome;
  server: FileServer;
}

/** Starts a browser on a profile of its own, and a server of the package, around the tests of the file that calls this. */
export function running(): Running {
  const profile = makeProfile();
  const started = {} as Running;
  beforeAll(async () => {
    started.server = await servePackage();
    started.chrome = await launch(profile.folder);
  }, 60_000);
  afterAll(async () => {
    await started.chrome?.close();
    await started.server?.stop();
    profile.remove();
  });
  return started;
}
