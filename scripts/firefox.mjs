// Finds a Firefox and shows it a page, without a driver: what the page has to say, it sends to the server it came from.
// Run it to install Firefox where that can be done without asking, as root on a machine with apt, and to see the path.

import { execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** What keeps a Firefox from asking, reporting and fetching, and its clock from being coarse. */
const preferences = {
  "app.normandy.enabled": false,
  "app.update.enabled": false,
  "browser.aboutwelcome.enabled": false,
  "browser.shell.checkDefaultBrowser": false,
  "datareporting.policy.dataSubmissionEnabled": false,
  "datareporting.policy.firstRunURL": "",
  "network.captive-portal-service.enabled": false,
  "network.connectivity-service.enabled": false,
  "privacy.reduceTimerPrecision": false,
  "toolkit.telemetry.enabled": false,
};

/** The path of a Firefox, or `undefined`. The variable FIREFOX_PATH goes before all. */
export function findFirefox() {
  if (process.env.FIREFOX_PATH) return process.env.FIREFOX_PATH;
  for (const name of ["firefox-esr", "firefox"]) {
    const { status, stdout } = spawnSync("sh", ["-c", `command -v ${name}`]);
    if (status === 0) return stdout.toString().trim();
  }
  return undefined;
}

/** Shows a page in a Firefox without a window, with a new profile; `close` ends it and resolves once it is gone. */
export function showInFirefox(executable, url) {
  const folder = mkdtempSync(join(tmpdir(), "stratamem-firefox-"));
  const lines = Object.entries(preferences).map(([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});`);
  writeFileSync(join(folder, "user.js"), lines.join("\n"));
  const child = spawn(executable, ["--headless", "--no-remote", "--profile", folder, url], {
    stdio: "ignore",
    env: { ...process.env, HOME: folder },
    // A group of its own, so that its helpers end with it.
    detached: true,
  });
  const gone = new Promise((resolve) => child.once("exit", resolve));
  return {
    async close() {
      if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid, "SIGKILL");
      await gone;
      rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
    },
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (!findFirefox() && process.getuid?.() === 0 && spawnSync("apt-get", ["--version"]).status === 0) {
    console.log("Installing firefox-esr with apt");
    const options = { stdio: "inherit", env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" } };
    execFileSync("apt-get", ["update", "-qq"], options);
    execFileSync("apt-get", ["install", "-y", "-qq", "--no-install-recommends", "firefox-esr"], options);
  }
  console.log(`firefox: ${findFirefox() ?? "none found; its tests are left out"}`);
}
