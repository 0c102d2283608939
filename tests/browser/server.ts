// Serves files to the browser under test, isolated from other origins as a careful site would be.

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import { json } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".wasm": "application/wasm",
};

/** A server that runs. */
export interface FileServer {
  readonly origin: string;
  stop(): Promise<void>;
}

/** The folder of the pages that tests open. */
export const pages: string = fileURLToPath(new URL("page", import.meta.url));

/** Serves the built package as `/dist/…` and the pages of tests as `/page/…`. */
export function servePackage(heard?: (message: unknown) => void): Promise<FileServer> {
  return serve({ dist: fileURLToPath(new URL("../../dist", import.meta.url)), page: pages }, heard);
}

/**
 * Serves each folder under its first path segment: `{ dist: "/checkout/dist" }` gives `/dist/…`. What pages send is
 * given to `heard`.
 */
export async function serve(folders: Readonly<Record<string, string>>, heard?: (message: unknown) => void): Promise<FileServer> {
  const server = createServer((request, response) => {
    if (request.method === "POST") {
      void json(request).then((message) => {
        response.writeHead(204).end();
        heard?.(message);
      });
      return;
    }
    const [, first = "", ...rest] = normalize(decodeURIComponent(new URL(request.url ?? "/", "http://local").pathname)).split("/");
    const path = join(folders[first] ?? "/nowhere", rest.join("/") || "index.html");
    readFile(path).then(
      (body) =>
        response
          .writeHead(200, {
            "content-type": types[extname(path)] ?? "application/octet-stream",
            "cross-origin-opener-policy": "same-origin",
            "cross-origin-embedder-policy": "require-corp",
          })
          .end(body),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
