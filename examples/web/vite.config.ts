import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vite";

const repository = fileURLToPath(new URL("../..", import.meta.url));

/**
 * Lets `stratamem` mean the build of this repository, through the export map of its package.json. A project that has
 * installed the package needs none of this.
 */
const ownBuild: Plugin = {
  name: "own-build",
  enforce: "pre",
  resolveId(source) {
    return /^stratamem(\/|$)/.test(source) ? this.resolve(source, `${repository}package.json`, { skipSelf: true }) : undefined;
  },
};

export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  base: "./",
  plugins: [ownBuild],
  server: { host: "127.0.0.1", fs: { allow: [repository] } },
  preview: { host: "127.0.0.1" },
  build: { target: "es2022" },
});
