// Finds the browser in which the package is tested, and installs it where that can be done without asking: as root on
// a machine with apt. Run it to do so and to see the path.

import { execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const places = ["/Applications/Google Chrome.app/Contents/MacOS/Google Chrome", "/Applications/Chromium.app/Contents/MacOS/Chromium"];

/** The path of a Chromium, or `undefined`. The variable CHROMIUM_PATH goes before all. */
export function findChromium() {
  if (process.env.CHROMIUM_PATH) return process.env.CHROMIUM_PATH;
  for (const name of names) {
    const { status, stdout } = spawnSync("sh", ["-c", `command -v ${name}`]);
    if (status === 0) return stdout.toString().trim();
  }
  return places.find((place) => existsSync(place));
}

/** As {@link findChromium}, but throws an error that says what to do. */
export function chromium() {
  const found = findChromium();
  if (!found) throw new Error("no Chromium found: install one, or set CHROMIUM_PATH to a Chromium or Chrome");
  return found;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (!findChromium() && process.getuid?.() === 0 && spawnSync("apt-get", ["--version"]).status === 0) {
    console.log("Installing chromium with apt");
    const options = { stdio: "inherit", env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" } };
    execFileSync("apt-get", ["update", "-qq"], options);
    execFileSync("apt-get", ["install", "-y", "-qq", "--no-install-recommends", "chromium"], options);
  }
  try {
    console.log(`browser: ${chromium()}`);
  } catch (error) {
    console.error(error.message);
    process.exit(1);
  }
}
