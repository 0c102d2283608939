// What can become of a folder: files that are damaged, other writers, processes that die, a disk that is full. Nothing that
// was acknowledged is lost, and nothing is touched that cannot be read.

import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import { FormatError, openMemory, StorageError } from "../../dist/esm/entry/inline.js";
import { nodeFs } from "../../dist/esm/storage/node-fs.js";
import { folder, idsOf, refusal } from "./support.js";

/** Runs one of the programs of `contention/`. */
function run(program: string, ...args: string[]): ChildProcess & { readonly lines: AsyncIterable<string> } {
  const path = fileURLToPath(new URL(`./contention/${program}.mjs`, import.meta.url));
  return watched(spawn(process.execPath, [path, ...args], { stdio: ["pipe", "pipe", "inherit"] }));
}

function watched(child: ChildProcess): ChildProcess & { readonly lines: AsyncIterable<string> } {
  onTestFinished(() => void child.kill("SIGKILL"));
  return Object.assign(child, { lines: createInterface({ input: child.stdout as NodeJS.ReadableStream }) });
}

/** The engine's files of a folder: all but those of the lock. */
function filesOf(place: string): Map<string, Buffer> {
  const names = readdirSync(place).filter((name) => !name.startsWith("lock-"));
  return new Map(names.sort().map((name) => [name, readFileSync(join(place, name))]));
}

/** A folder with three records in a log, or in a segment. */
async function folderWithRecords(sealed = false): Promise<{ place: string; ids: string[] }> {
  const place = folder();
  const memory = await openMemory({ storage: nodeFs(place), embedder: false });
  const ids = [await memory.add("one"), await memory.add("two"), await memory.add("three")];
  if (sealed) await memory.maintain({ compact: true });
  await memory.close();
  return { place, ids };
}

function keyOf(place: string, kind: string): string {
  return [...filesOf(place).keys()].find((name) => name.startsWith(kind)) as string;
}

describe("files that do not read", () => {
  const damages: readonly (readonly [name: string, kind: string, sealed: boolean, offset: number, damage: (bytes: Buffer) => Buffer])[] = [
    ["a byte of an early commit", "log", false, 16, (bytes) => flipped(bytes, 40)],
    ["the start of a log", "log", false, 0, (bytes) => flipped(bytes, 1)],
    ["a manifest", "manifest", true, 16, (bytes) => flipped(bytes, bytes.length - 1)],
    ["a manifest that is empty", "manifest", false, 0, () => Buffer.alloc(0)],
    ["a segment cut short", "segment", true, expect.any(Number) as never, (bytes) => bytes.subarray(0, bytes.length - 3)],
    ["a byte of a segment", "segment", true, expect.any(Number) as never, (bytes) => flipped(bytes, bytes.length >> 1)],
  ];

  it.each(damages)("%s: the object and the place in it are named, and nothing is touched", async (_name, kind, sealed, offset, damage) => {
    const { place, ids } = await folderWithRecords(sealed);
    const key = keyOf(place, kind);
    const whole = readFileSync(join(place, key));
    writeFileSync(join(place, key), damage(Buffer.from(whole)));
    const before = filesOf(place);
    const error = await refusal(openMemory({ storage: nodeFs(place), embedder: false }));
    expect(error).toBeInstanceOf(FormatError);
    expect(error).toMatchObject({ code: "corrupt-data", details: { object: key, offset } });
    expect(error.message).toContain(key);
    expect(filesOf(place)).toEqual(before);

    writeFileSync(join(place, key), whole);
    const again = await openMemory({ storage: nodeFs(place), embedder: false });
    expect(await idsOf(again)).toEqual(ids);
    await again.close();
  });

  it.each([["log", false], ["manifest", false], ["segment", true]] as const)("a %s of a newer format is left as it is", async (kind, sealed) => {
    const { place } = await folderWithRecords(sealed);
    const key = keyOf(place, kind);
    const bytes = readFileSync(join(place, key));
    bytes.writeUInt16LE(2, 6);
    writeFileSync(join(place, key), bytes);
    const before = filesOf(place);
    const error = await refusal(openMemory({ storage: nodeFs(place), embedder: false }));
    expect(error).toBeInstanceOf(FormatError);
    expect(error).toMatchObject({ code: "format-too-new", details: { object: key, found: 2, supported: 1 } });
    expect(filesOf(place)).toEqual(before);
  });

  it("but the torn end of the last write is cut off and told", async () => {
    const { place, ids } = await folderWithRecords();
    const key = keyOf(place, "log");
    const bytes = readFileSync(join(place, key));
    // The beginning of one more commit.
    writeFileSync(join(place, key), Buffer.concat([bytes, bytes.subarray(16, 16 + 25)]));
    const memory = await openMemory({ storage: nodeFs(place), embedder: false });
    expect(memory.opened).toMatchObject({ records: 3, tornBytes: 25 });
    expect(await idsOf(memory)).toEqual(ids);
    ids.push(await memory.add("four"));
    await memory.close();
    const again = await openMemory({ storage: nodeFs(place), embedder: false });
    expect(again.opened).toMatchObject({ records: 4, tornBytes: 0 });
    expect(await idsOf(again)).toEqual(ids);
    await again.close();
  });

  function flipped(bytes: Buffer, at: number): Buffer {
    bytes[at] = (bytes[at] as number) ^ 1;
    return bytes;
  }
});

describe("other writers", () => {
  it("a second one in this process is refused until the first has closed", async () => {
    const place = folder();
    const first = await openMemory({ storage: nodeFs(place), embedder: false });
    const id = await first.add("mine");
    const error = await refusal(openMemory({ storage: nodeFs(place), embedder: false }));
    expect(error).toBeInstanceOf(StorageError);
    expect(error).toMatchObject({ code: "storage-locked", details: { directory: place, owner: { pid: process.pid } } });
    await first.add("still writing");
    await first.close();
    const second = await openMemory({ storage: nodeFs(place), embedder: false });
    expect(await idsOf(second)).toContain(id);
    await second.close();
  });

  it("a second one in another process is refused until the first has ended", async () => {
    const place = folder();
    const other = run("hold-open", place);
    for await (const line of other.lines) {
      expect(line).toBe("open");
      break;
    }
    const error = await refusal(openMemory({ storage: nodeFs(place), embedder: false }));
    expect(error).toMatchObject({ code: "storage-locked", details: { owner: { pid: other.pid } } });
    other.stdin?.end();
    const memory = await openMemory({ storage: nodeFs(place, { waitMs: 10_000 }), embedder: false });
    await memory.add("my turn");
    await memory.close();
  }, 20_000);

  it("two processes that add in turns lose nothing", async () => {
    const place = folder();
    const count = 20;
    const acknowledged = await Promise.all(
      ["left", "right"].map(async (name) => {
        const child = run("add-in-turns", place, name, String(count));
        const lines: string[] = [];
        const ended = once(child, "close");
        for await (const line of child.lines) lines.push(line);
        expect(await ended).toEqual([0, null]);
        return lines;
      }),
    );
    const ids = acknowledged.flat().filter((line) => line !== "locked out");
    expect(ids).toHaveLength(2 * count);
    const memory = await openMemory({ storage: nodeFs(place), embedder: false });
    expect(await idsOf(memory)).toEqual([...ids].sort());
    const texts: string[] = [];
    for await (const { text } of memory.list()) texts.push(text);
    expect(texts.sort()).toEqual(["left", "right"].flatMap((name) => Array.from({ length: count }, (_, at) => `${name} ${at}`)).sort());
    await memory.close();
  }, 60_000);
});

describe("a process that dies", () => {
  it("ten times in the middle of writing loses nothing that was acknowledged", async () => {
    const place = folder();
    const acknowledged: string[] = [];
    for (let round = 0; round < 10; round += 1) {
      const child = run("add-until-killed", place);
      const gone = once(child, "close");
      const enough = 5 + ((round * 37) % 60);
      let seen = 0;
      for await (const id of child.lines) {
        acknowledged.push(id);
        seen += 1;
        // Lines that are still on their way are read on: they were acknowledged too.
        if (seen === enough) child.kill("SIGKILL");
      }
      expect(await gone).toEqual([null, "SIGKILL"]);
      const memory = await openMemory({ storage: nodeFs(place), embedder: false });
      const found = new Set(await idsOf(memory));
      expect(acknowledged.filter((id) => !found.has(id)), `round ${round}`).toEqual([]);
      // What was under way and not acknowledged may be there: at most one record for each of the three lanes a round.
      expect(found.size).toBeLessThanOrEqual(acknowledged.length + 3 * (round + 1));
      await memory.close();
    }
  }, 60_000);
});

describe.skipIf(process.platform === "win32")("a file system that takes no more", () => {
  it("refuses with quota-exceeded, and everything acknowledged is readable and found again", async () => {
    const place = folder();
    const program = fileURLToPath(new URL("./contention/add-until-full.mjs", import.meta.url));
    // No file may grow past 64 KiB. The signal that goes with the refusal is ignored, so that the write fails instead.
    const script = `trap '' XFSZ; ulimit -f 64; exec "$0" "$1" "$2"`;
    const child = watched(spawn("bash", ["-c", script, process.execPath, program, place], { stdio: ["ignore", "pipe", "inherit"] }));
    let output = "";
    for await (const line of child.lines) output += line;
    const { ids, refusal: refused, later, readable } = JSON.parse(output) as {
      ids: string[]; refusal: { code: string; name: string; details: object }; later: { code: string }; readable: number;
    };
    expect(ids.length).toBeGreaterThan(10);
    expect(refused).toMatchObject({ code: "quota-exceeded", name: "StorageError", details: { code: "EFBIG" } });
    expect(later.code).toBe("engine-poisoned");
    expect(readable).toBe(ids.length);
    const memory = await openMemory({ storage: nodeFs(place), embedder: false });
    expect(await idsOf(memory)).toEqual(ids);
    await memory.add("there is space again");
    await memory.close();
  }, 20_000);
});
