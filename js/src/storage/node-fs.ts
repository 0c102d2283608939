/**
 * Storage in a directory of files, for Node, Bun and Deno. Owns: one file per key, when bytes are forced to the disk,
 * and the lock that keeps a second process out. Does not own: what the bytes mean, or recovery from a torn append.
 *
 * Files in the directory:
 *
 * - `<key>`: the bytes of a key.
 * - `<key>.<token>.tmp`: a `put` that has not been renamed yet; leftovers are swept by the next `lock`.
 * - `lock-<epoch>.json`: who owns the place, or that nobody does. The dot keeps it apart from every key.
 *
 * Invariants:
 *
 * - An operation starts only when everything the one before it changed is durable. Steps on one key share their
 *   directory sync, because every state a crash can leave between them is a prefix anyway.
 * - After a failed sync nothing is written again: the kernel may have dropped the pages, and a second sync that
 *   succeeds proves nothing.
 * - The owner is whoever made the lock file with the highest epoch. The highest lock file is never removed, lower ones
 *   are, so an owner that no longer sees its own epoch as the highest knows that it was replaced. The heartbeat only
 *   decides when others may try; the epoch decides who owns.
 *
 * Limits:
 *
 * - A process that is stopped between its ownership check and its system call, and wakes after another one took over,
 *   still makes that one call. It is never acknowledged.
 * - Hosts that share a directory over a network need clocks that agree to well within `staleMs`.
 * - After a failed sync the system may go on showing bytes that never reached the disk, to a new adapter as well.
 */

import { randomBytes } from "node:crypto";
import { mkdir, open, readdir, readFile, rename, stat, unlink, utimes, type FileHandle } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname, join, resolve } from "node:path";
import process from "node:process";
import { clearInterval, setInterval, setTimeout } from "node:timers";
import { fileURLToPath } from "node:url";

import { createError, MemoryError, type ErrorCode } from "../errors.js";
import { checkFields, checkSpan, invalid } from "../internal/convert.js";
import { copyMerged } from "./batch.js";
import type { ByteRange, Storage, StorageLock, StorageOperation } from "./types.js";

/** Options of {@link nodeFs}. */
export interface NodeFsOptions {
  /** How long `lock` keeps trying while another process owns the directory, in milliseconds. Default 0: once. */
  readonly waitMs?: number | undefined;
  /**
   * After how many milliseconds without a sign of life an owner on another host, or one that hangs, may be replaced.
   * Default 30000. The sign is given six times as often, and at least every 5000. An owner on this host whose process
   * is gone is replaced at once.
   */
  readonly staleMs?: number | undefined;
}

/**
 * Storage in `directory`, which is made when it is first locked or written.
 *
 * One process owns it at a time. When an owner dies its lock falls to the next one that asks; see
 * {@link NodeFsOptions.staleMs}. In a container whose host name and process id survive a restart the dead owner looks
 * alive until its heartbeat is stale: give `waitMs` a little more than `staleMs` there. So does one on a host whose name
 * may not be asked for (Deno without `--allow-sys=hostname`; it needs `--allow-read` and `--allow-write` alone).
 *
 * @throws ValidationError for a directory that is none, or an option that is not acceptable
 * @example
 * import { nodeFs } from "stratamem/storage/node-fs";
 *
 * const memory = await openMemory({ storage: nodeFs("./agent-memory") });
 *
 * @example
 * // Wait for the previous process to finish instead of failing with `storage-locked`.
 * const storage = nodeFs(new URL("./agent-memory/", import.meta.url), { waitMs: 10_000 });
 */
export function nodeFs(directory: string | URL, options: NodeFsOptions = {}): Storage {
  return new NodeFsStorage(directory, options);
}

/** What a lock file says. */
interface LockRecord {
  readonly pid: number;
  /** Empty if the owner could not tell. */
  readonly hostname: string;
  /** Random, so that a person can tell two owners with recycled process ids apart. */
  readonly token: string;
  readonly epoch: number;
  /** When the lock was taken, in milliseconds since 1970. */
  readonly startedAt: number;
  readonly released: boolean;
}

/** The lock this adapter took last. */
interface Ownership {
  readonly epoch: number;
  readonly heartbeat: ReturnType<typeof setInterval>;
  /** Set for good when the lock was released or found to be taken over: writes are refused until the next `lock`. */
  ended: "released" | "taken over" | undefined;
}

/** The file that was appended to last, kept open for the next append. */
interface AppendTarget {
  readonly key: string;
  readonly file: FileHandle;
  length: number;
}

const nothing = (): void => {};
const keyPattern = /^[a-z0-9-]{1,64}$/;
const temporaryPattern = /^[a-z0-9-]{1,64}\.[0-9a-f]{16}\.tmp$/;
const lockPattern = /^lock-(\d{1,15})\.json$/;

class NodeFsStorage implements Storage {
  readonly name: string;
  readonly #directory: string;
  readonly #waitMs: number;
  readonly #staleMs: number;
  /** Tells this adapter's temporary files from those of another that it may not know it lost to. */
  readonly #token: string = randomBytes(8).toString("hex");
  #queue: Promise<unknown> = Promise.resolve();
  /** What was read since then: side by side, but nothing is changed before it has ended. */
  #queuedReads: Promise<unknown> = Promise.resolve();
  /** Ranges that are being read: they do not queue. */
  readonly #reads: Set<Promise<unknown>> = new Set();
  #closing: Promise<void> | undefined;
  #made = false;
  #acquiring = false;
  #ownership: Ownership | undefined;
  #appending: AppendTarget | undefined;
  /** What changed the directory since it was last synced. */
  #unsyncedEntry: { readonly operation: StorageOperation["type"]; readonly key: string } | undefined;
  /** The failed sync after which nothing is written any more. */
  #failedSync: MemoryError | undefined;

  constructor(directory: string | URL, options: NodeFsOptions) {
    const path = toPath(directory);
    checkFields(options, ["waitMs", "staleMs"], "options");
    checkSpan(options.waitMs, "waitMs", 0);
    checkSpan(options.staleMs, "staleMs", 1);
    this.name = `node-fs(${path})`;
    this.#directory = resolve(path);
    this.#waitMs = options.waitMs ?? 0;
    this.#staleMs = options.staleMs ?? 30_000;
  }

  async lock(): Promise<StorageLock> {
    this.#assertOpen();
    if (this.#acquiring || (this.#ownership !== undefined && this.#ownership.ended === undefined)) {
      throw createError("storage-locked", `${this.name} is owned by this very adapter; release that lock first`, {
        details: { directory: this.#directory },
      });
    }
    this.#acquiring = true;
    try {
      const epoch = await this.#acquire();
      const ownership: Ownership = { epoch, heartbeat: this.#startHeartbeat(epoch), ended: undefined };
      this.#ownership = ownership;
      try {
        this.#assertOpen();
        await this.#enqueue("lock", () => this.#takeStock(epoch));
      } catch (error) {
        await this.#release(ownership);
        throw error;
      }
      return { release: () => this.#enqueue("release", () => this.#release(ownership)) };
    } catch (error) {
      throw failure("lock", undefined, error);
    } finally {
      this.#acquiring = false;
    }
  }

  async list(prefix: string): Promise<string[]> {
    this.#assertOpen();
    return this.#enqueue("list", async () => {
      const names = (await unlessMissing(readdir(this.#directory))) ?? [];
      return names.filter((name) => keyPattern.test(name) && name.startsWith(prefix)).sort();
    });
  }

  async read(key: string): Promise<Uint8Array | undefined> {
    this.#assertOpen();
    const path = this.#path(key);
    return this.#enqueueRead("read", () => readWhole(path), key);
  }

  /** Does not wait for writes under way, but they are waited for by whoever knows what has been written. */
  async readRanges(key: string, ranges: readonly ByteRange[]): Promise<Uint8Array[] | undefined> {
    this.#assertOpen();
    const path = this.#path(key);
    const reading = (async () => {
      const file = await unlessMissing(open(path, "r"));
      if (file === undefined) return undefined;
      try {
        return await Promise.all(ranges.map((range) => readRange(file, range)));
      } finally {
        await file.close();
      }
    })().catch((error: unknown) => {
      throw failure("read", key, error);
    });
    this.#reads.add(reading);
    return reading.finally(() => this.#reads.delete(reading));
  }

  async write(batch: readonly StorageOperation[]): Promise<void> {
    this.#assertOpen();
    for (const { key } of batch) this.#path(key);
    const operations = copyMerged(batch);
    const ownership = this.#ownership;
    return this.#enqueue("write", async () => {
      if (this.#failedSync !== undefined) {
        throw createError("storage-failed", `${this.name} stopped writing after a failed sync; open it again`, {
          details: { ...this.#failedSync.details },
          cause: this.#failedSync,
        });
      }
      await this.#assertOwned(ownership);
      try {
        await this.#makeDirectory();
        for (const operation of operations) await this.#apply(operation, ownership);
        await this.#syncEntries();
      } catch (error) {
        // A new owner sweeps temporary files and moves others: that this adapter lost the lock is the better answer.
        await this.#assertOwned(ownership);
        throw error;
      }
      await this.#assertOwned(ownership);
    });
  }

  close(): Promise<void> {
    this.#closing ??= this.#enqueue("close", async () => {
      await Promise.allSettled(this.#reads);
      await this.#stopAppending();
      if (this.#ownership !== undefined) await this.#release(this.#ownership);
    });
    return this.#closing;
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) {
      throw createError("memory-closed", `${this.name} was closed; make a new adapter`);
    }
  }

  /** Runs `task` after every call made before, so that overlapping calls take effect in their order. */
  #enqueue<T>(operation: string, task: () => Promise<T>, key?: string): Promise<T> {
    const result = Promise.all([this.#queue, this.#queuedReads])
      .then(task)
      .catch((error: unknown) => {
        throw failure(operation, key, error);
      });
    this.#queue = result.catch(() => undefined);
    this.#queuedReads = this.#queue;
    return result;
  }

  /** Runs `task`, which changes nothing, after every call made before that is not of this sort. */
  #enqueueRead<T>(operation: string, task: () => Promise<T>, key: string): Promise<T> {
    const result = this.#queue.then(task).catch((error: unknown) => {
      throw failure(operation, key, error);
    });
    // That it has ended, and not its bytes: until the next change nothing else would let go of them.
    const ended = result.then(nothing, nothing);
    this.#queuedReads = Promise.all([this.#queuedReads, ended]).then(nothing);
    return result;
  }

  #path(key: string): string {
    if (keyPattern.test(key)) return join(this.#directory, key);
    throw createError("invalid-argument", "a storage key has 1 to 64 characters of a-z, 0-9 and -", {
      details: { key },
    });
  }

  // Operations ---------------------------------------------------------------------------------------------------

  async #apply(operation: StorageOperation, ownership: Ownership | undefined): Promise<void> {
    const { type, key } = operation;
    try {
      if (this.#unsyncedEntry?.key !== key) await this.#syncEntries();
      if (type === "append") await this.#append(key, operation.bytes, ownership);
      else if (type === "put") await this.#put(key, operation.bytes, ownership);
      else await this.#remove(key, ownership);
    } catch (error) {
      throw failure(type, key, error);
    }
  }

  async #append(key: string, bytes: Uint8Array, ownership: Ownership | undefined): Promise<void> {
    await this.#assertOwned(ownership);
    const target = await this.#openForAppend(key);
    try {
      await writeAll(target.file, bytes);
    } catch (error) {
      // Cutting the torn bytes off is a courtesy: recovery copes with them.
      await target.file.truncate(target.length).catch(() => undefined);
      await this.#stopAppending();
      throw error;
    }
    target.length += bytes.length;
    await this.#sync("append", key, () => target.file.datasync());
  }

  async #openForAppend(key: string): Promise<AppendTarget> {
    if (this.#appending?.key === key) return this.#appending;
    await this.#stopAppending();
    const path = this.#path(key);
    const existing = await unlessMissing(stat(path));
    const file = await open(path, "a");
    if (existing === undefined) this.#unsyncedEntry = { operation: "append", key };
    this.#appending = { key, file, length: existing?.size ?? 0 };
    return this.#appending;
  }

  /** Lets go of the file kept open. Its bytes are synced already, so there is nothing left that close could lose. */
  async #stopAppending(): Promise<void> {
    const target = this.#appending;
    this.#appending = undefined;
    await target?.file.close().catch(() => undefined);
  }

  async #put(key: string, bytes: Uint8Array, ownership: Ownership | undefined): Promise<void> {
    const path = this.#path(key);
    const temporary = `${path}.${this.#token}.tmp`;
    if (this.#appending?.key === key) await this.#stopAppending();
    try {
      const file = await open(temporary, "w");
      try {
        await writeAll(file, bytes);
        await this.#sync("put", key, () => file.sync());
      } finally {
        await file.close();
      }
      await this.#assertOwned(ownership);
      await rename(temporary, path);
    } catch (error) {
      await unlink(temporary).catch(() => undefined);
      throw error;
    }
    this.#unsyncedEntry = { operation: "put", key };
  }

  async #remove(key: string, ownership: Ownership | undefined): Promise<void> {
    if (this.#appending?.key === key) await this.#stopAppending();
    await this.#assertOwned(ownership);
    const removed = await unlessMissing(unlink(this.#path(key)).then(() => true));
    if (removed) this.#unsyncedEntry = { operation: "remove", key };
  }

  // Durability ---------------------------------------------------------------------------------------------------

  async #makeDirectory(): Promise<void> {
    if (this.#made) return;
    const first = await mkdir(this.#directory, { recursive: true });
    if (first !== undefined) {
      // Each new directory is an entry of its parent, up to the first one that was there before.
      const last = dirname(resolve(first));
      let parent = this.#directory;
      do {
        parent = dirname(parent);
        await this.#sync("write", undefined, () => syncDirectory(parent));
      } while (parent !== last && parent !== dirname(parent));
    }
    this.#made = true;
  }

  async #syncEntries(): Promise<void> {
    const entry = this.#unsyncedEntry;
    if (entry === undefined) return;
    await this.#sync(entry.operation, entry.key, () => syncDirectory(this.#directory));
    this.#unsyncedEntry = undefined;
  }

  async #sync(operation: string, key: string | undefined, flush: () => Promise<void>): Promise<void> {
    try {
      await flush();
    } catch (error) {
      this.#failedSync = failure(operation, key, error);
      throw this.#failedSync;
    }
  }

  // Ownership ----------------------------------------------------------------------------------------------------

  async #acquire(): Promise<number> {
    await this.#makeDirectory();
    const deadline = performance.now() + this.#waitMs;
    for (let pause = 10; ; pause = Math.min(pause * 2, 500)) {
      const epoch = await this.#tryAcquire().catch((error: unknown) => {
        const locked = error instanceof MemoryError && error.code === "storage-locked";
        if (!locked || performance.now() >= deadline) throw error;
        return undefined;
      });
      if (epoch !== undefined) return epoch;
      // Jitter keeps contenders that started together from meeting again and again.
      const jittered = pause * (0.5 + Math.random() / 2);
      await delay(Math.min(jittered, Math.max(0, deadline - performance.now())));
      this.#assertOpen();
    }
  }

  async #tryAcquire(): Promise<number> {
    const current = await this.#highestEpoch();
    if (current > 0) await this.#assertAvailable(current);
    const epoch = current + 1;
    const path = this.#lockPath(epoch);
    try {
      await this.#createLockFile(path, epoch);
    } catch (error) {
      if (errorCode(error) === "EEXIST") throw await this.#lockedError(epoch);
      throw error;
    }
    // Somebody who listed earlier may have gone through the same epoch already and left: only the highest one counts.
    const highest = await this.#highestEpoch();
    if (highest !== epoch) {
      await unlink(path).catch(() => undefined);
      throw await this.#lockedError(highest);
    }
    return epoch;
  }

  async #createLockFile(path: string, epoch: number): Promise<void> {
    const record: LockRecord = {
      pid: process.pid,
      hostname: nameOfHost() ?? "",
      token: this.#token,
      epoch,
      startedAt: Date.now(),
      released: false,
    };
    const file = await open(path, "wx");
    try {
      await writeAll(file, encode(record));
    } catch (error) {
      await unlink(path).catch(() => undefined);
      throw error;
    } finally {
      await file.close();
    }
  }

  /** Rejects with `storage-locked` unless the owner of `epoch` has released it, is dead, or has gone silent. */
  async #assertAvailable(epoch: number): Promise<void> {
    const path = this.#lockPath(epoch);
    const record = await readLockRecord(path);
    if (record?.released || (record !== undefined && isDead(record))) return;
    const status = await unlessMissing(stat(path));
    // A file without a readable record is being written right now, or its writer died doing so: only its age can tell.
    if (status !== undefined && Date.now() - status.mtimeMs > this.#staleMs) return;
    throw await this.#lockedError(epoch);
  }

  async #lockedError(epoch: number): Promise<MemoryError> {
    let record = await readLockRecord(this.#lockPath(epoch));
    // An owner of this very moment may not have written its name yet.
    for (let tries = 0; record === undefined && tries < 10; tries += 1) {
      await delay(5);
      record = await readLockRecord(this.#lockPath(epoch));
    }
    const owner =
      record === undefined ? undefined : { pid: record.pid, hostname: record.hostname, since: record.startedAt };
    const who = owner === undefined ? "another process" : `process ${owner.pid} on ${owner.hostname || "a host without a name"}`;
    return createError("storage-locked", `${this.name} is owned by ${who}; close it there, or give \`waitMs\``, {
      details: { directory: this.#directory, owner },
    });
  }

  async #highestEpoch(): Promise<number> {
    const names = (await unlessMissing(readdir(this.#directory))) ?? [];
    return names.reduce((highest, name) => Math.max(highest, epochOf(name) ?? 0), 0);
  }

  /** Sweeps what earlier owners left, and forgets what this adapter believed about the files before it owned them. */
  async #takeStock(epoch: number): Promise<void> {
    await this.#stopAppending();
    for (const name of await readdir(this.#directory)) {
      const leftover = temporaryPattern.test(name) || (epochOf(name) ?? epoch) < epoch;
      if (leftover) await unlessMissing(unlink(join(this.#directory, name)));
    }
  }

  #startHeartbeat(epoch: number): ReturnType<typeof setInterval> {
    const path = this.#lockPath(epoch);
    const heartbeat = setInterval(
      () => {
        const now = new Date();
        // A beat that fails changes nothing: whether the lock is still held is asked at every write.
        utimes(path, now, now).catch(() => undefined);
      },
      Math.min(this.#staleMs / 6, 5_000),
    );
    heartbeat.unref();
    return heartbeat;
  }

  /** Rejects unless `ownership` still has the highest epoch. An adapter that never took the lock is not checked. */
  async #assertOwned(ownership: Ownership | undefined): Promise<void> {
    if (ownership === undefined) return;
    if (ownership.ended === undefined && (await this.#highestEpoch()) !== ownership.epoch) {
      clearInterval(ownership.heartbeat);
      ownership.ended = "taken over";
    }
    if (ownership.ended !== undefined) {
      throw createError("storage-locked", `the lock of ${this.name} was ${ownership.ended}; open it again`, {
        details: { directory: this.#directory, epoch: ownership.epoch },
      });
    }
  }

  /** Marks the lock file released. It stays, so that the next epoch is higher than every one before. */
  async #release(ownership: Ownership): Promise<void> {
    if (ownership.ended !== undefined) return;
    clearInterval(ownership.heartbeat);
    ownership.ended = "released";
    await this.#stopAppending();
    const path = this.#lockPath(ownership.epoch);
    const record = await readLockRecord(path);
    // Opening without creating: a file that a new owner has removed must not come back.
    const file = record === undefined ? undefined : await unlessMissing(open(path, "r+"));
    if (file === undefined) return;
    try {
      // `true` is shorter than `false`, so this overwrites all but the line break at the end: no moment at which the
      // record cannot be read, and no new block on a disk that is full.
      await writeAll(file, encode({ ...(record as LockRecord), released: true }));
    } finally {
      await file.close();
    }
  }

  #lockPath(epoch: number): string {
    return join(this.#directory, `lock-${epoch}.json`);
  }
}

// Places and hosts -----------------------------------------------------------------------------------------------

function toPath(directory: string | URL): string {
  if (typeof directory === "string" && directory !== "" && !directory.includes("\0")) return directory;
  if (directory instanceof URL && directory.protocol === "file:") {
    try {
      return fileURLToPath(directory);
    } catch (cause) {
      throw createError("invalid-argument", `directory is a URL that names no path: ${String(cause)}`, { details: { field: "directory" }, cause });
    }
  }
  throw invalid("directory", "must be a path or a file: URL");
}

/** The name of this host, if this process may ask for it. */
function nameOfHost(): string | undefined {
  try {
    return hostname();
  } catch {
    return undefined;
  }
}

// Files ----------------------------------------------------------------------------------------------------------

/** Writes every byte: one call may take fewer than it was given without failing. */
async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let offset = 0; offset < bytes.length;) {
    const { bytesWritten } = await file.write(bytes, offset, bytes.length - offset);
    if (bytesWritten === 0) throw new Error("the file system accepted no more bytes");
    offset += bytesWritten;
  }
}

/** The bytes of a file, if there is one: `readFile` takes more steps, and its buffer would have to be copied. */
async function readWhole(path: string): Promise<Uint8Array | undefined> {
  const file = await unlessMissing(open(path, "r"));
  if (file === undefined) return undefined;
  try {
    const { size } = await file.stat();
    return await readRange(file, { offset: 0, length: size });
  } finally {
    await file.close();
  }
}

/** As many of the bytes of a range as the file has. */
async function readRange(file: FileHandle, { offset, length }: ByteRange): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(bytes, filled, length - filled, offset + filled);
    if (bytesRead === 0) return bytes.slice(0, filled);
    filled += bytesRead;
  }
  return bytes;
}

/** Makes the entries of a directory durable, where the platform has a way to ask for it. */
async function syncDirectory(directory: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(directory, "r");
  try {
    await handle.sync();
  } catch (error) {
    // Some network and FUSE file systems do not offer this; their entries are durable when the call returns, or never.
    if (!["EINVAL", "ENOTSUP", "ENOSYS"].includes(errorCode(error) ?? "")) throw error;
  } finally {
    await handle.close();
  }
}

async function unlessMissing<T>(result: Promise<T>): Promise<T | undefined> {
  try {
    return await result;
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

function delay(milliseconds: number): Promise<void> {
  return new Promise((done) => setTimeout(done, milliseconds));
}

// Lock records -----------------------------------------------------------------------------------------------------

function epochOf(name: string): number | undefined {
  const digits = lockPattern.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

function encode(record: LockRecord): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(record)}\n`);
}

/** What the lock file says, or `undefined` when it is missing or not (yet) a whole record. */
async function readLockRecord(path: string): Promise<LockRecord | undefined> {
  const text = await unlessMissing(readFile(path, "utf8"));
  try {
    const record = JSON.parse(text ?? "") as Partial<LockRecord> | null;
    const whole = typeof record?.pid === "number" && typeof record.hostname === "string";
    return whole ? (record as LockRecord) : undefined;
  } catch {
    return undefined;
  }
}

/** Whether the owner was a process of this host that is certainly gone. */
function isDead(record: LockRecord): boolean {
  const host = nameOfHost();
  if (host === undefined || record.hostname !== host) return false;
  try {
    process.kill(record.pid, 0);
    return false;
  } catch (error) {
    return errorCode(error) === "ESRCH";
  }
}

// Errors -----------------------------------------------------------------------------------------------------------

function errorCode(error: unknown): string | undefined {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return typeof code === "string" ? code : undefined;
}

const fullCodes: readonly string[] = ["ENOSPC", "EDQUOT", "EFBIG"];

/** The error of this package for whatever went wrong below it. */
function failure(operation: string, key: string | undefined, error: unknown): MemoryError {
  if (error instanceof MemoryError) return error;
  const system = errorCode(error);
  const full = system !== undefined && fullCodes.includes(system);
  const code: ErrorCode = full ? "quota-exceeded" : "storage-failed";
  const object = key === undefined ? "" : ` ${key}`;
  const reason = full ? "there is no space left" : error instanceof Error ? error.message : String(error);
  return createError(code, `could not ${operation}${object}: ${reason}`, {
    details: { operation, key, code: system },
    cause: error,
  });
}
