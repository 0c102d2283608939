/**
 * Storage in a browser's IndexedDB. Owns: one database, its transactions, and the lock that keeps a second tab out.
 * Does not own: what the bytes mean, or how much of them the browser lets an origin keep.
 *
 * The database (version 1) has two object stores:
 *
 * - `bytes`: a value is a row of chunks under `[key, 0]`, `[key, 1]` and so on, so that an append adds one chunk and
 *   rewrites nothing. A key exists when it has a chunk, which may be empty.
 * - `owner`: one row, `{ epoch, expiresAt? }`.
 *
 * Invariants:
 *
 * - A batch is one strict transaction, and it is acknowledged on `complete` only. So a batch happens whole or not at
 *   all, which is more than the contract asks.
 * - Inside a transaction nothing is awaited but its own requests: it would commit in between.
 * - Every lock raises the epoch, and every write of an owner reads it in the transaction it writes in. An owner that
 *   was replaced therefore cannot change anything, however late its write arrives. Web Locks (or, where they are
 *   missing, a lease in the owner row) only decide when the next one may try; the epoch decides who owns.
 */

import { createError, MemoryError } from "../errors.js";
import { checkFields, checkFlag, checkSpan, invalid, toText } from "../internal/convert.js";
import { copyMerged, cutRanges, joinBytes } from "./batch.js";
import type { ByteRange, Storage, StorageLock, StorageOperation } from "./types.js";

/** Options of {@link indexedDb}. */
export interface IndexedDbOptions {
  /** Where databases come from. Default: the global `indexedDB`. */
  readonly indexedDB?: IDBFactory | undefined;
  /**
   * What keeps other tabs out. Default: `navigator.locks`. With `false`, and where Web Locks are missing, a lease in
   * the database does: it is renewed while the owner lives and runs out 10 seconds after the owner is gone. Everybody
   * who opens a database has to use the same of the two.
   */
  readonly locks?: LockManager | false | undefined;
  /** How long `lock` waits while another tab owns the database, in milliseconds. Default 0: it does not. */
  readonly waitMs?: number | undefined;
  /**
   * Asks the browser not to clear this origin's data when space gets short. Default false, because some browsers show
   * a prompt. The answer is not waited for: some never give one.
   */
  readonly persist?: boolean | undefined;
}

/**
 * Storage in the IndexedDB database called `name` of this origin. The database is opened on first use, and closed when
 * another tab asks to delete it.
 *
 * @throws ValidationError for a name that is none, or an option that is not acceptable
 * @example
 * import { indexedDb } from "stratamem/storage/indexeddb";
 *
 * const memory = await openMemory({ storage: indexedDb("assistant") });
 *
 * @example
 * // Let a tab that is just closing finish, and ask the browser to keep the data.
 * const storage = indexedDb("assistant", { waitMs: 2_000, persist: true });
 */
export function indexedDb(name: string, options: IndexedDbOptions = {}): Storage {
  return new IndexedDbStorage(name, options);
}

function checkArguments(name: string, options: IndexedDbOptions): void {
  if (toText(name, "name") === "") throw invalid("name", "must not be empty");
  checkFields(options, ["indexedDB", "locks", "waitMs", "persist"], "options");
  const { indexedDB, locks, waitMs, persist } = options;
  if (indexedDB !== undefined && typeof (indexedDB as Partial<IDBFactory> | null)?.open !== "function") throw invalid("indexedDB", "must be an IDBFactory");
  if (locks !== undefined && locks !== false && typeof (locks as Partial<LockManager> | null)?.request !== "function") throw invalid("locks", "must be a LockManager or false");
  checkSpan(waitMs, "waitMs", 0);
  checkFlag(persist, "persist");
}

const databaseVersion = 1;
const bytesStore = "bytes";
const ownerStore = "owner";
const ownerKey = "owner";

/** How long a lease lasts, and how often it is renewed and asked for, in milliseconds. */
const leaseMs = 10_000;
const renewMs = 3_000;
const retryMs = 100;

/** The row of the `owner` store. */
interface OwnerRow {
  /** How often the place was locked. */
  readonly epoch: number;
  /** Until when a lease holds, in milliseconds since 1970. Absent under Web Locks and after a release. */
  readonly expiresAt?: number;
}

/** The lock this adapter took last. */
interface Ownership {
  readonly epoch: number;
  /** Lets the next one try. */
  readonly giveUp: () => Promise<void>;
  /** Set for good by `release`: writes are refused until the next `lock`. */
  released: boolean;
}

class IndexedDbStorage implements Storage {
  readonly name: string;
  readonly #database: string;
  readonly #factory: IDBFactory | undefined;
  readonly #locks: LockManager | undefined;
  readonly #waitMs: number;
  readonly #persist: boolean;
  readonly #closing: AbortController = new AbortController();
  #connection: Promise<IDBDatabase> | undefined;
  #closed: Promise<void> | undefined;
  /** Why the browser made this adapter let go of the database. */
  #disconnected: string | undefined;
  #acquiring = false;
  #ownership: Ownership | undefined;

  constructor(name: string, options: IndexedDbOptions) {
    checkArguments(name, options);
    this.name = `indexeddb(${name})`;
    this.#database = name;
    this.#factory = options.indexedDB ?? (globalThis as { indexedDB?: IDBFactory }).indexedDB;
    const navigator = (globalThis as { navigator?: Partial<Navigator> }).navigator;
    this.#locks = options.locks === false ? undefined : (options.locks ?? navigator?.locks);
    this.#waitMs = options.waitMs ?? 0;
    this.#persist = options.persist ?? false;
  }

  async lock(): Promise<StorageLock> {
    this.#assertUsable();
    if (this.#acquiring || this.#ownership?.released === false) throw this.#lockedError("this very adapter");
    this.#acquiring = true;
    try {
      const ownership = await (this.#locks === undefined ? this.#lockByLease() : this.#lockByWebLock(this.#locks));
      this.#ownership = ownership;
      if (this.#closed !== undefined || this.#disconnected !== undefined) {
        await this.#release(ownership).catch(() => undefined);
        this.#assertUsable();
      }
      return { release: () => this.#release(ownership) };
    } catch (error) {
      throw this.#failure("lock", error);
    } finally {
      this.#acquiring = false;
    }
  }

  async list(prefix: string): Promise<string[]> {
    this.#assertUsable();
    return this.#transact("list", "readonly", (transaction) => {
      // No key contains U+FFFF, so this is every key that starts with the prefix.
      const range = IDBKeyRange.bound([prefix], [`${prefix}\uffff`]);
      const cursors = transaction.objectStore(bytesStore).openKeyCursor(range);
      return new Promise((resolve, reject) => {
        const keys: string[] = [];
        cursors.onerror = () => reject(cursors.error);
        cursors.onsuccess = () => {
          const cursor = cursors.result;
          if (cursor === null) return resolve(keys);
          const [key] = cursor.key as [string, number];
          keys.push(key);
          cursor.continue([key, Infinity]);
        };
      });
    });
  }

  async read(key: string): Promise<Uint8Array | undefined> {
    this.#assertUsable();
    const chunks = await this.#transact<Uint8Array[]>("read", "readonly", (transaction) =>
      answer(transaction.objectStore(bytesStore).getAll(chunksOf(key))),
    );
    return chunks.length === 0 ? undefined : joinBytes(chunks);
  }

  /** Chunks are read as a whole: a range saves what is copied out of them. */
  async readRanges(key: string, ranges: readonly ByteRange[]): Promise<Uint8Array[] | undefined> {
    const bytes = await this.read(key);
    return bytes && cutRanges(bytes, ranges);
  }

  async write(batch: readonly StorageOperation[]): Promise<void> {
    this.#assertUsable();
    const operations = copyMerged(batch);
    const ownership = this.#ownership;
    if (ownership?.released) throw this.#endedError(ownership.epoch, "released");
    return this.#transact("write", "readwrite", async (transaction) => {
      // An adapter that never took the lock is not checked.
      if (ownership !== undefined && (await readOwner(transaction))?.epoch !== ownership.epoch) {
        throw this.#endedError(ownership.epoch, "taken over");
      }
      await apply(transaction.objectStore(bytesStore), operations);
    });
  }

  close(): Promise<void> {
    this.#closed ??= this.#disconnect();
    return this.#closed;
  }

  async #disconnect(): Promise<void> {
    this.#closing.abort();
    // Calls made before this one have their transactions by the time this goes on, and closing lets those end.
    const connection = await this.#connection?.catch(() => undefined);
    try {
      if (this.#ownership !== undefined) await this.#release(this.#ownership);
    } finally {
      connection?.close();
    }
  }

  #assertUsable(): void {
    if (this.#closed !== undefined) {
      throw createError("memory-closed", `${this.name} was closed; make a new adapter`);
    }
    if (this.#disconnected !== undefined) throw this.#failure("use", undefined);
  }

  // Transactions -------------------------------------------------------------------------------------------------

  /** Runs `body`, which may await nothing but requests of the transaction, and resolves when it is durable. */
  async #transact<T>(
    operation: string,
    mode: IDBTransactionMode,
    body: (transaction: IDBTransaction) => Promise<T>,
  ): Promise<T> {
    try {
      const connection = await this.#connect();
      return await runTransaction(connection, mode, body);
    } catch (error) {
      throw this.#failure(operation, error);
    }
  }

  #connect(): Promise<IDBDatabase> {
    this.#connection ??= this.#open().catch((error: unknown) => {
      this.#connection = undefined;
      throw error;
    });
    return this.#connection;
  }

  async #open(): Promise<IDBDatabase> {
    if (this.#factory === undefined) throw new Error("there is no IndexedDB here");
    if (this.#persist) {
      const manager = (globalThis as { navigator?: Partial<Navigator> }).navigator?.storage;
      manager?.persist?.().catch(() => undefined);
    }
    const request = this.#factory.open(this.#database, databaseVersion);
    request.onupgradeneeded = () => {
      request.result.createObjectStore(bytesStore);
      request.result.createObjectStore(ownerStore);
    };
    const connection = await answer(request);
    connection.onversionchange = () =>
      this.#abandon(connection, "the database was closed because another version or its deletion was requested");
    connection.onclose = () => this.#abandon(connection, "the browser closed the database");
    return connection;
  }

  /** Lets go of the database at once, so that whoever wants to delete it need not wait for this tab. */
  #abandon(connection: IDBDatabase, reason: string): void {
    this.#disconnected = reason;
    connection.close();
    const ownership = this.#ownership;
    if (ownership === undefined) return;
    ownership.released = true;
    // Writing the owner row is no longer possible; a lease runs out by itself.
    ownership.giveUp().catch(() => undefined);
  }

  // Ownership ----------------------------------------------------------------------------------------------------

  async #lockByWebLock(locks: LockManager): Promise<Ownership> {
    const hold = await holdWebLock(locks, `stratamem:${this.#database}`, this.#waitMs, this.#closing.signal);
    if (hold === undefined) {
      this.#assertUsable();
      throw this.#lockedError("another tab or worker");
    }
    try {
      const epoch = await this.#transact("lock", "readwrite", (transaction) => raiseEpoch(transaction, undefined));
      return { epoch, giveUp: hold.release, released: false };
    } catch (error) {
      await hold.release();
      throw error;
    }
  }

  async #lockByLease(): Promise<Ownership> {
    const deadline = performance.now() + this.#waitMs;
    const attempt = (): Promise<number | undefined> =>
      this.#transact("lock", "readwrite", async (transaction) => {
        const now = Date.now();
        const expiresAt = (await readOwner(transaction))?.expiresAt ?? 0;
        // A lease that ends later than any could end was given before the clock was set back.
        const held = expiresAt > now && expiresAt <= now + leaseMs;
        return held ? undefined : raiseEpoch(transaction, now + leaseMs);
      });
    let epoch = await attempt();
    while (epoch === undefined) {
      const remaining = deadline - performance.now();
      if (remaining <= 0) throw this.#lockedError("another tab or worker");
      await delay(Math.min(retryMs, remaining));
      this.#assertUsable();
      epoch = await attempt();
    }
    return this.#keepLease(epoch);
  }

  #keepLease(epoch: number): Ownership {
    const update = (row: () => OwnerRow): Promise<void> =>
      this.#transact("lock", "readwrite", async (transaction) => {
        const current = await readOwner(transaction);
        if (current?.epoch === epoch) transaction.objectStore(ownerStore).put(row(), ownerKey);
      });
    const renewal = setInterval(() => {
      // A renewal that fails changes nothing: whether the lock is still held is asked in every write.
      update(() => ({ epoch, expiresAt: Date.now() + leaseMs })).catch(() => undefined);
    }, renewMs);
    return {
      epoch,
      released: false,
      giveUp: () => {
        clearInterval(renewal);
        return update(() => ({ epoch }));
      },
    };
  }

  async #release(ownership: Ownership): Promise<void> {
    if (ownership.released) return;
    ownership.released = true;
    await ownership.giveUp();
  }

  #endedError(epoch: number, end: string): MemoryError {
    return createError("storage-locked", `the lock of ${this.name} was ${end}; open it again`, {
      details: { database: this.#database, epoch },
    });
  }

  #lockedError(owner: string): MemoryError {
    return createError("storage-locked", `${this.name} is owned by ${owner}; close it there, or give \`waitMs\``, {
      details: { database: this.#database },
    });
  }

  /** The error of this package for whatever went wrong below it. */
  #failure(operation: string, error: unknown): MemoryError {
    if (error instanceof MemoryError) return error;
    const full = hasName(error, "QuotaExceededError");
    const reason = full ? "there is no space left" : (this.#disconnected ?? describe(error));
    return createError(full ? "quota-exceeded" : "storage-failed", `could not ${operation} ${this.name}: ${reason}`, {
      details: { operation, database: this.#database },
      cause: error,
    });
  }
}

// Requests and transactions ----------------------------------------------------------------------------------------

function answer<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

async function runTransaction<T>(
  connection: IDBDatabase,
  mode: IDBTransactionMode,
  body: (transaction: IDBTransaction) => Promise<T>,
): Promise<T> {
  const transaction = connection.transaction([bytesStore, ownerStore], mode, { durability: "strict" });
  const completed = new Promise<void>((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error ?? new Error("the browser aborted the transaction"));
  });
  try {
    // Both are watched from the start: a request that nobody awaits aborts the transaction when it fails.
    const [result] = await Promise.all([body(transaction), completed]);
    return result;
  } catch (error) {
    await abort(transaction, completed);
    // When the browser aborted, its reason says more than that of the request which was cut short by it.
    throw transaction.error ?? error;
  }
}

/** Makes sure that nothing of the transaction happens; resolves when that is certain. */
async function abort(transaction: IDBTransaction, completed: Promise<void>): Promise<void> {
  try {
    transaction.abort();
  } catch {
    // It has ended already.
  }
  await completed.catch(() => undefined);
}

/** All chunks of a key. */
function chunksOf(key: string): IDBKeyRange {
  return IDBKeyRange.bound([key, 0], [key, Infinity]);
}

/** Issues the requests of a batch. Those nobody has to wait for are watched by the transaction. */
async function apply(store: IDBObjectStore, operations: readonly StorageOperation[]): Promise<void> {
  const lengths = new Map<string, number>();
  for (const operation of operations) {
    const { type, key } = operation;
    if (type === "append") {
      const length = lengths.get(key) ?? (await chunkCount(store, key));
      store.put(operation.bytes, [key, length]);
      lengths.set(key, length + 1);
      continue;
    }
    store.delete(chunksOf(key));
    if (type === "put") store.put(operation.bytes, [key, 0]);
    lengths.set(key, type === "put" ? 1 : 0);
  }
}

async function chunkCount(store: IDBObjectStore, key: string): Promise<number> {
  const last = await answer(store.openKeyCursor(chunksOf(key), "prev"));
  return last === null ? 0 : (last.key as [string, number])[1] + 1;
}

function readOwner(transaction: IDBTransaction): Promise<OwnerRow | undefined> {
  return answer<OwnerRow | undefined>(transaction.objectStore(ownerStore).get(ownerKey));
}

async function raiseEpoch(transaction: IDBTransaction, expiresAt: number | undefined): Promise<number> {
  const epoch = ((await readOwner(transaction))?.epoch ?? 0) + 1;
  const row: OwnerRow = expiresAt === undefined ? { epoch } : { epoch, expiresAt };
  transaction.objectStore(ownerStore).put(row, ownerKey);
  return epoch;
}

// Web Locks --------------------------------------------------------------------------------------------------------

interface WebLockHold {
  readonly release: () => Promise<void>;
}

/** Takes a Web Lock, or answers `undefined` when it stays taken for `waitMs` or `signal` aborts the wait. */
function holdWebLock(
  locks: LockManager,
  name: string,
  waitMs: number,
  signal: AbortSignal,
): Promise<WebLockHold | undefined> {
  return new Promise((resolve, reject) => {
    const waiting = new AbortController();
    const stopWaiting = (): void => waiting.abort();
    const timer = waitMs > 0 ? setTimeout(stopWaiting, waitMs) : undefined;
    signal.addEventListener("abort", stopWaiting);
    const options: LockOptions = waitMs > 0 ? { signal: waiting.signal } : { ifAvailable: true };

    const ended: Promise<unknown> = locks
      .request(name, options, async (lock) => {
        clearTimeout(timer);
        signal.removeEventListener("abort", stopWaiting);
        if (lock === null) return resolve(undefined);
        await new Promise<void>((letGo) => {
          const release = async (): Promise<void> => {
            letGo();
            await ended;
          };
          resolve({ release });
        });
      })
      // Also reached when the lock is stolen later: the epoch tells then, and this promise is settled already.
      .catch((error: unknown) => (hasName(error, "AbortError") ? resolve(undefined) : reject(error)));
  });
}

// Errors and time ----------------------------------------------------------------------------------------------------

function delay(milliseconds: number): Promise<void> {
  return new Promise((done) => setTimeout(done, milliseconds));
}

function hasName(error: unknown, name: string): boolean {
  return typeof error === "object" && error !== null && (error as { name?: unknown }).name === name;
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
