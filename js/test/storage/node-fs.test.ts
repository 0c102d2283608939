import { execFile, execFileSync, spawn, spawnSync, type ChildProcessWithoutNullStreams } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import {
  type FileHandle,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rm,
  stat,
  utimes,
  writeFile,
} from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

import ts from "typescript";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";

import { nodeFs } from "../../src/storage/node-fs.js";
import type { Storage } from "../../src/storage/types.js";
import { storageConformance } from "../../src/testing/storage-conformance.js";
import { append, bytes, lock, put } from "./operations.js";

let directory: string;
const opened: Storage[] = [];

beforeEach(async () => {
  directory = join(await mkdtemp(join(tmpdir(), "node-fs-")), "place");
});

afterEach(async () => {
  vi.restoreAllMocks();
  await Promise.allSettled(opened.splice(0).map((storage) => storage.close()));
  await rm(dirname(directory), { recursive: true, force: true });
});

/** An adapter on the directory of this test, closed after it. */
function openPlace(options?: Parameters<typeof nodeFs>[1]): Storage {
  const storage = nodeFs(directory, options);
  opened.push(storage);
  return storage;
}

function lockPath(epoch: number): string {
  return join(directory, `lock-${epoch}.json`);
}

async function writeLockFile(epoch: number, record: object = {}): Promise<void> {
  await mkdir(directory, { recursive: true });
  const whole = { pid: 1, hostname: "elsewhere", token: "t", epoch, startedAt: 5, released: false, ...record };
  await writeFile(lockPath(epoch), JSON.stringify(whole));
}

async function age(path: string, milliseconds: number): Promise<void> {
  const then = new Date(Date.now() - milliseconds);
  await utimes(path, then, then);
}

describe("conformance", () => {
  const cases = storageConformance(async () => {
    const place = await mkdtemp(join(tmpdir(), "node-fs-conformance-"));
    return {
      open: () => nodeFs(place),
      teardown: () => rm(place, { recursive: true }),
      shareable: true,
      async takeOver() {
        const epochs = (await readdir(place)).map((name) => Number(/^lock-(\d+)/.exec(name)?.[1] ?? 0));
        await writeFile(join(place, `lock-${Math.max(...epochs) + 1}.json`), "");
      },
    };
  });
  for (const { name, run } of cases) test(name, run);
});

describe("files", () => {
  test("a directory may be given as a URL, and is made with its parents", async () => {
    const storage = nodeFs(pathToFileURL(join(directory, "deep", "er")));
    await storage.write([put("a", 1)]);
    expect(storage.name).toBe(`node-fs(${join(directory, "deep", "er")})`);
    expect(await readFile(join(directory, "deep", "er", "a"))).toEqual(Buffer.from([1]));
    await storage.close();
  });

  test("a directory that does not exist is empty, and reading does not make it", async () => {
    const storage = openPlace();
    expect(await storage.list("")).toEqual([]);
    expect(await storage.read("a")).toBeUndefined();
    await expect(stat(directory)).rejects.toMatchObject({ code: "ENOENT" });
  });

  test.each(["../a", "a/b", "", "A", "a.tmp", "x".repeat(65)])("%j is no key", async (key) => {
    const storage = openPlace();
    await expect(storage.read(key)).rejects.toMatchObject({ code: "invalid-argument", details: { key } });
    await expect(storage.write([put("a", 1), put(key, 1)])).rejects.toMatchObject({ code: "invalid-argument" });
    expect(await storage.list("")).toEqual([]);
  });

  test("reads go side by side, after the writes before them and before the writes behind them", async () => {
    const storage = openPlace();
    await lock(storage);
    const large = new Uint8Array(4 << 20).fill(1);
    const written = storage.write([{ type: "put", key: "a", bytes: large }]);
    const reads = Array.from({ length: 8 }, () => storage.read("a"));
    const appended = storage.write([{ type: "append", key: "a", bytes: large.subarray(0, 5) }]);
    const after = storage.read("a");
    await Promise.all([written, appended]);
    for (const read of reads) expect(Buffer.compare((await read) as Uint8Array, large)).toBe(0);
    expect(await after).toHaveLength(large.length + 5);
    await storage.close();
  });

  test("what was read is not held", async () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const storage = openPlace();
    await lock(storage);
    await storage.write([put("a", 1)]);
    const reads = await Promise.all([storage.read("a"), storage.read("a")]).then((read) => read.map((own) => new WeakRef(own as Uint8Array)));
    await expect.poll(() => (collect(), reads.filter((read) => read.deref() !== undefined).length)).toBe(0);
  });

  test("files that are no keys are not listed", async () => {
    const storage = openPlace();
    await lock(storage);
    await storage.write([put("a", 1)]);
    await writeFile(join(directory, "README.md"), "keep out");
    await writeFile(join(directory, "a.0123456789abcdef.tmp"), "half");
    expect(await storage.list("")).toEqual(["a"]);
  });

  test("lock sweeps temporary files and the lock files of earlier owners, and nothing else", async () => {
    await writeLockFile(3, { released: true });
    await writeLockFile(4, { released: true });
    for (const name of ["a", "a.0123456789abcdef.tmp", "log-1.fedcba9876543210.tmp", "notes.tmp"]) {
      await writeFile(join(directory, name), name);
    }
    await lock(openPlace());
    expect((await readdir(directory)).sort()).toEqual(["a", "lock-5.json", "notes.tmp"]);
  });

  test("no temporary file is left after writing, or after failing to", async () => {
    const storage = openPlace();
    await storage.write([put("a", 1)]);
    await mkdir(join(directory, "b"));
    await expect(storage.write([put("b", 1)])).rejects.toMatchObject({
      code: "storage-failed",
      details: { operation: "put", key: "b", code: "EISDIR" },
    });
    expect((await readdir(directory)).sort()).toEqual(["a", "b"]);
  });

  test("a failed write is a prefix, and the next write works", async () => {
    const storage = openPlace();
    await mkdir(join(directory, "b"), { recursive: true });
    await expect(storage.write([put("a", 1), append("log", 1), put("b", 1), put("c", 1)])).rejects.toThrow("put b");
    await storage.write([append("log", 2)]);
    expect(await storage.read("a")).toEqual(bytes(1));
    expect(await storage.read("log")).toEqual(bytes(1, 2));
    expect(await storage.read("c")).toBeUndefined();
  });

  test("a read that fails says which key", async () => {
    await mkdir(join(directory, "a"), { recursive: true });
    await expect(openPlace().read("a")).rejects.toMatchObject({
      code: "storage-failed",
      details: { operation: "read", key: "a", code: "EISDIR" },
      cause: expect.objectContaining({ code: "EISDIR" }),
    });
  });

  test("bytes come back as a plain Uint8Array", async () => {
    const storage = openPlace();
    await storage.write([put("a", 1)]);
    expect(Object.getPrototypeOf(await storage.read("a"))).toBe(Uint8Array.prototype);
  });
});

describe("syncing", () => {
  /** The methods every open file shares. */
  let files: FileHandle;
  beforeAll(async () => {
    const file = await open(tmpdir(), "r");
    files = Object.getPrototypeOf(file) as FileHandle;
    await file.close();
  });

  test("an append to the same file is one write and one sync; the file stays open", async () => {
    const storage = openPlace();
    await storage.write([append("log", 1)]);
    const write = vi.spyOn(files, "write");
    const sync = vi.spyOn(files, "sync");
    const datasync = vi.spyOn(files, "datasync");
    await storage.write([append("log", 2), append("log", 3)]);
    expect([write, datasync, sync].map(({ mock }) => mock.calls.length)).toEqual([1, 1, 0]);
  });

  test("each step is durable before the next one on another key begins", async () => {
    const storage = openPlace();
    await storage.write([put("old", 1)]);
    const sync = vi.spyOn(files, "sync");
    // Two files (segment, manifest) and the directory after each change of an entry.
    await storage.write([put("segment", 1), put("manifest", 1), { type: "remove", key: "old" }]);
    expect(sync).toHaveBeenCalledTimes(5);
    sync.mockClear();
    // Steps on one key share the sync of the directory, and removing what is not there needs none.
    await storage.write([put("a", 1), put("a", 2), { type: "remove", key: "missing" }]);
    expect(sync).toHaveBeenCalledTimes(3);
  });

  test("a write that takes fewer bytes than given goes on with the rest", async () => {
    const storage = openPlace();
    const write = files.write as (bytes: Uint8Array, offset: number, length: number) => Promise<unknown>;
    vi.spyOn(files, "write").mockImplementation(function (this: FileHandle, ...call: unknown[]) {
      const [data, offset, length] = call as [Uint8Array, number, number];
      return write.call(this, data, offset, Math.min(length, 2)) as never;
    });
    await storage.write([append("log", 1, 2, 3, 4, 5), put("a", 6, 7, 8)]);
    expect(await storage.read("log")).toEqual(bytes(1, 2, 3, 4, 5));
    expect(await storage.read("a")).toEqual(bytes(6, 7, 8));
  });

  test.each([
    { method: "datasync" as const, operation: append("log", 2), name: "append" },
    { method: "sync" as const, operation: put("a", 2), name: "put" },
    { method: "sync" as const, operation: { type: "remove" as const, key: "log" }, name: "remove" },
  ])("after a failed $method ($name) nothing is written until the place is opened again", async (row) => {
    const storage = openPlace();
    await lock(storage);
    await storage.write([append("log", 1)]);
    const broken = Object.assign(new Error("i/o error"), { code: "EIO" });
    vi.spyOn(files, row.method).mockRejectedValueOnce(broken);
    const details = { operation: row.name, code: "EIO" };
    await expect(storage.write([row.operation])).rejects.toMatchObject({
      code: "storage-failed",
      details,
      cause: broken,
    });

    const write = vi.spyOn(files, "write");
    await expect(storage.write([append("log", 3)])).rejects.toMatchObject({ code: "storage-failed", details });
    expect(write).not.toHaveBeenCalled();
    vi.restoreAllMocks();
    await storage.close();

    const again = openPlace();
    await lock(again);
    await again.write([put("b", 1)]);
    expect(await again.read("b")).toEqual(bytes(1));
  });

  test("a torn append is cut off when the file system still lets us", async () => {
    const storage = openPlace();
    await storage.write([append("log", 1, 2)]);
    const write = files.write as (bytes: Uint8Array, offset: number, length: number) => Promise<unknown>;
    const full = Object.assign(new Error("no space"), { code: "ENOSPC" });
    vi.spyOn(files, "write")
      .mockImplementationOnce(function (this: FileHandle, ...call: unknown[]) {
        return write.call(this, call[0] as Uint8Array, 0, 1) as never;
      })
      .mockRejectedValueOnce(full);
    await expect(storage.write([append("log", 3, 4)])).rejects.toMatchObject({
      code: "quota-exceeded",
      details: { operation: "append", key: "log", code: "ENOSPC" },
    });
    await storage.write([append("log", 5)]);
    expect(await storage.read("log")).toEqual(bytes(1, 2, 5));
  });
});

describe("the lock", () => {
  test("names the owner to whoever is refused", async () => {
    const before = Date.now();
    await lock(openPlace());
    const refused = await lock(openPlace()).catch((error: unknown) => error);
    expect(refused).toMatchObject({
      code: "storage-locked",
      details: { directory, owner: { pid: process.pid, hostname: hostname() } },
    });
    const { since } = (refused as { details: { owner: { since: number } } }).details.owner;
    expect(since).toBeGreaterThanOrEqual(before);
  });

  test("epochs rise for ever, and a released lock file remains", async () => {
    for (const epoch of [1, 2, 3]) {
      const storage = openPlace();
      await lock(storage);
      expect(await readdir(directory)).toEqual([`lock-${epoch}.json`]);
      await storage.close();
      expect(JSON.parse(await readFile(lockPath(epoch), "utf8"))).toMatchObject({ epoch, released: true });
    }
  });

  test("an owner on another host keeps it while its heartbeat is fresh", async () => {
    await writeLockFile(7);
    await age(lockPath(7), 29_000);
    await expect(lock(openPlace())).rejects.toMatchObject({
      code: "storage-locked",
      details: { owner: { pid: 1, hostname: "elsewhere", since: 5 } },
    });
  });

  test("an owner whose heartbeat is stale is replaced", async () => {
    await writeLockFile(7);
    await age(lockPath(7), 31_000);
    await lock(openPlace());
    expect(await readdir(directory)).toEqual(["lock-8.json"]);
  });

  test.each(["", '{"pid":'])("a lock file that holds %j is somebody writing it, until it is stale", async (text) => {
    await mkdir(directory, { recursive: true });
    await writeFile(lockPath(2), text);
    const refused = expect(lock(openPlace())).rejects;
    await refused.toMatchObject({ code: "storage-locked", details: { owner: undefined } });
    await age(lockPath(2), 31_000);
    await lock(openPlace());
    expect(await readdir(directory)).toEqual(["lock-3.json"]);
  });

  test("an owner that was paused finds out, and its write is not acknowledged", async () => {
    const paused = openPlace();
    await lock(paused);
    await paused.write([append("log", 1)]);
    await age(lockPath(1), 31_000);
    const owner = openPlace();
    await lock(owner);

    const code = "storage-locked";
    await expect(paused.write([append("log", 9)])).rejects.toMatchObject({ code, details: { directory, epoch: 1 } });
    await owner.write([append("log", 2)]);
    expect(await owner.read("log")).toEqual(bytes(1, 2));

    // Giving up what was lost must not disturb the new owner.
    await paused.close();
    await owner.write([append("log", 3)]);
    expect(await readdir(directory)).toEqual(["lock-2.json", "log"]);
  });

  test("a takeover in the middle of a write keeps it from being acknowledged", async () => {
    const storage = openPlace();
    await lock(storage);
    await storage.write([append("log", 1)]);
    const file = await open(directory, "r");
    const files = Object.getPrototypeOf(file) as FileHandle;
    await file.close();
    vi.spyOn(files, "datasync").mockImplementationOnce(() => writeLockFile(2));
    await expect(storage.write([append("log", 2)])).rejects.toMatchObject({ code: "storage-locked" });
  });

  test("a loser that comes late to an epoch others have passed steps back", async () => {
    const storage = openPlace();
    await lock(storage);
    // The late comer saw no lock at all, and makes lock-1 just before it sees that lock-2 is there.
    await rm(lockPath(1));
    await writeLockFile(2);
    const late = openPlace();
    await expect(lock(late)).rejects.toMatchObject({ code: "storage-locked", details: { owner: { pid: 1 } } });
    expect(await readdir(directory)).toEqual(["lock-2.json"]);
  });

  test("the heartbeat keeps the lock file young", async () => {
    const storage = openPlace({ staleMs: 60 });
    await lock(storage);
    await age(lockPath(1), 3_600_000);
    await expect.poll(async () => Date.now() - (await stat(lockPath(1))).mtimeMs).toBeLessThan(60_000);
  });

  test("waitMs waits for the owner to finish", async () => {
    const first = openPlace();
    await lock(first);
    const waiting = lock(openPlace({ waitMs: 60_000 }));
    await first.write([append("log", 1)]);
    await first.close();
    await waiting;
    expect(await readdir(directory)).toEqual(["lock-2.json", "log"]);
  });

  test("waitMs ends with storage-locked", async () => {
    await lock(openPlace());
    await expect(lock(openPlace({ waitMs: 30 }))).rejects.toMatchObject({ code: "storage-locked" });
  });

  test("close ends the wait", async () => {
    await lock(openPlace());
    const impatient = openPlace({ waitMs: 60_000 });
    const waiting = lock(impatient);
    await impatient.close();
    await expect(waiting).rejects.toMatchObject({ code: "memory-closed" });
  });

  test("an adapter does not take its own lock twice", async () => {
    const storage = openPlace();
    const both = await Promise.allSettled([lock(storage), lock(storage)]);
    expect(both.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
    await expect(lock(storage)).rejects.toMatchObject({ code: "storage-locked" });
  });

  test("a lock that cannot be taken for another reason says why", async () => {
    await writeFile(directory, "a file where the directory should be");
    await expect(lock(openPlace())).rejects.toMatchObject({ code: "storage-failed", details: { operation: "lock" } });
  });
});

describe("processes", () => {
  const fixtures = fileURLToPath(new URL("./fixtures/", import.meta.url));
  const source = fileURLToPath(new URL("../../src/", import.meta.url));
  const children: ChildProcessWithoutNullStreams[] = [];
  let compiled: string;

  /** Children run plain JavaScript: the adapter as it is in the sources now, whether or not the package is built. */
  beforeAll(() => {
    compiled = mkdtempSync(join(tmpdir(), "node-fs-module-"));
    for (const folder of ["storage", "internal"]) mkdirSync(join(compiled, folder));
    writeFileSync(join(compiled, "package.json"), '{ "type": "module" }');
    for (const name of ["errors", "internal/convert", "storage/batch", "storage/node-fs"]) {
      const { outputText } = ts.transpileModule(readFileSync(join(source, `${name}.ts`), "utf8"), {
        compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
      });
      writeFileSync(join(compiled, `${name}.js`), outputText);
    }
  });

  afterEach(() => {
    for (const child of children.splice(0)) child.kill("SIGKILL");
  });

  afterAll(() => {
    rmSync(compiled, { recursive: true });
  });

  function commandLine(fixture: string, ...rest: string[]): string[] {
    return [join(fixtures, fixture), pathToFileURL(join(compiled, "storage/node-fs.js")).href, directory, ...rest];
  }

  function start(
    fixture: string,
    ...rest: string[]
  ): { child: ChildProcessWithoutNullStreams; lines: AsyncIterator<string> } {
    const child = spawn(process.execPath, commandLine(fixture, ...rest));
    children.push(child);
    child.stderr.pipe(process.stderr);
    return { child, lines: createInterface(child.stdout)[Symbol.asyncIterator]() };
  }

  async function kill(child: ChildProcessWithoutNullStreams): Promise<void> {
    const exit = once(child, "exit");
    child.kill("SIGKILL");
    await exit;
  }

  test("of two that ask at once one is refused and told by whom; when the owner closes, others may", async () => {
    const both = [start("hold-lock.mjs"), start("hold-lock.mjs")];
    const said = await Promise.all(both.map(async ({ lines }) => (await lines.next()).value as string));
    const winner = said.indexOf("locked");
    const owner = both[winner];
    expect(JSON.parse(said[1 - winner] as string)).toMatchObject({
      code: "storage-locked",
      details: { directory, owner: { pid: owner?.child.pid, hostname: hostname() } },
    });
    await expect(lock(openPlace())).rejects.toMatchObject({ details: { owner: { pid: owner?.child.pid } } });

    owner?.child.stdin.end();
    expect(await owner?.lines.next()).toMatchObject({ value: "closed" });
    await lock(openPlace());
  });

  test("the lock of a killed process falls to the next one at once", async () => {
    const { child, lines } = start("hold-lock.mjs");
    expect((await lines.next()).value).toBe("locked");
    await expect(lock(openPlace())).rejects.toMatchObject({ code: "storage-locked" });
    await kill(child);
    await lock(openPlace());
    expect(await readdir(directory)).toEqual(["lock-2.json"]);
  });

  test.skipIf(process.platform === "win32")("a stopped process that wakes after a takeover is fenced", async () => {
    const { child, lines } = start("append-until-killed.mjs", "16");
    await lines.next();
    child.kill("SIGSTOP");
    await expect(lock(openPlace())).rejects.toMatchObject({ code: "storage-locked" });
    await age(lockPath(1), 31_000);
    const owner = openPlace();
    await lock(owner);
    // The write it was stopped in may still reach the file it has open, which is no longer the one under the key.
    await owner.write([put("log", 1, 2, 3)]);

    child.kill("SIGCONT");
    let last = "";
    for (let line = await lines.next(); !line.done; line = await lines.next()) last = line.value;
    expect(JSON.parse(last)).toMatchObject({ code: "storage-locked", details: { epoch: 1 } });
    await owner.write([append("log", 4)]);
    expect(await owner.read("log")).toEqual(bytes(1, 2, 3, 4));
  });

  test("processes that take turns never own the place together", async () => {
    const [processes, times] = [4, 12];
    const run = promisify(execFile);
    const all = Array.from({ length: processes }, () =>
      run(process.execPath, commandLine("count-under-lock.mjs", String(times))),
    );
    await Promise.all(all);
    const storage = openPlace();
    expect(new TextDecoder().decode(await storage.read("counter"))).toBe(String(processes * times));
    expect((await storage.read("log"))?.length).toBe(processes * times);
  }, 60_000);

  test("after a kill everything acknowledged is there, and at most the last append is torn", async () => {
    const size = 4096;
    for (let round = 0; round < 5; round += 1) {
      const { child, lines } = start("append-until-killed.mjs", String(size));
      let acknowledged = -1;
      for (let frame = 0; frame < 4 + round; frame += 1) acknowledged = Number((await lines.next()).value);
      await kill(child);
      for (let line = await lines.next(); !line.done; line = await lines.next()) acknowledged = Number(line.value);

      const storage = openPlace();
      await lock(storage);
      const log = (await storage.read("log")) as Uint8Array;
      expect(log.length).toBeGreaterThanOrEqual((acknowledged + 1) * size);
      expect(log.length).toBeLessThanOrEqual((acknowledged + 2) * size);
      expect(log.every((value, at) => value === Math.floor(at / size) % 251)).toBe(true);

      // The segment changes after the append of the same batch, so a torn or missing append means an unchanged segment.
      const segmentsAfter = (frame: number): string[] => (frame % 3 === 0 ? [`segment-${frame}`] : []);
      const begun = log.length === (acknowledged + 2) * size;
      const possible = [segmentsAfter(acknowledged), ...(begun ? [segmentsAfter(acknowledged + 1)] : [])];
      expect(possible).toContainEqual(await storage.list("segment-"));
      expect((await readdir(directory)).filter((name) => name.endsWith(".tmp"))).toEqual([]);

      await storage.write((await storage.list("")).map((key) => ({ type: "remove", key })));
      await storage.close();
    }
  }, 60_000);
});

describe("a full disk", () => {
  const mebibyte = new Uint8Array(1024 * 1024).fill(7);

  // Each test gets four mebibytes to fill, where the system lets us mount them.
  let mounted: boolean;

  beforeEach(async ({ skip }) => {
    await mkdir(directory);
    mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", directory]).status === 0;
    skip(!mounted, "mounting a tmpfs is not permitted here");
  });

  afterEach(async () => {
    await Promise.allSettled(opened.map((storage) => storage.close()));
    if (mounted) execFileSync("umount", [directory]);
  });

  test("an append that does not fit is cut off again; after making room the place works", async () => {
    const storage = openPlace();
    await lock(storage);
    let acknowledged = 0;
    const fill = async (): Promise<void> => {
      for (; ; acknowledged += 1) await storage.write([{ type: "append", key: "log", bytes: mebibyte }]);
    };
    await expect(fill()).rejects.toMatchObject({
      code: "quota-exceeded",
      details: { operation: "append", key: "log", code: "ENOSPC" },
    });
    expect(acknowledged).toBe(3);
    expect((await storage.read("log"))?.length).toBe(acknowledged * mebibyte.length);
    await storage.close();

    const again = openPlace();
    await lock(again);
    await again.write([append("log", 1)]);
    expect((await again.read("log"))?.at(-1)).toBe(1);
  });

  test("a put that does not fit leaves the old value and no temporary file", async () => {
    const storage = openPlace();
    await lock(storage);
    await storage.write([put("manifest", 1), { type: "put", key: "segment-1", bytes: mebibyte }]);
    const large = new Uint8Array(4 * mebibyte.length);
    await expect(storage.write([{ type: "put", key: "manifest", bytes: large }])).rejects.toMatchObject({
      code: "quota-exceeded",
      details: { operation: "put", key: "manifest", code: "ENOSPC" },
    });
    expect(await storage.read("manifest")).toEqual(bytes(1));
    expect((await readdir(directory)).sort()).toEqual(["lock-1.json", "manifest", "segment-1"]);
    await storage.write([put("manifest", 2)]);
    expect(await storage.read("manifest")).toEqual(bytes(2));
  });

  test("a lock can be given up when not a byte is free", async () => {
    const storage = openPlace();
    await lock(storage);
    // Any file may take the last bytes, not only ours.
    const filler = await open(join(directory, "filler"), "w");
    const fill = async (): Promise<void> => {
      for (;;) await filler.write(new Uint8Array(4096));
    };
    await expect(fill()).rejects.toMatchObject({ code: "ENOSPC" });
    await filler.close();
    await storage.close();
    expect(JSON.parse(await readFile(lockPath(1), "utf8"))).toMatchObject({ released: true });
    await expect(lock(openPlace())).rejects.toMatchObject({ code: "quota-exceeded", details: { operation: "lock" } });
    expect(await readdir(directory)).toEqual(["filler", "lock-1.json"]);
  });
});
