// The memory of the engine, seen from outside: import this before the package starts its engine.

const found = [];
const { instantiate } = WebAssembly;
WebAssembly.instantiate = async (...args) => {
  const made = await instantiate(...args);
  found.push((made.instance ?? made).exports.memory);
  return made;
};

/** A page of WebAssembly memory, in bytes. */
export const PAGE = 65_536;

/** Bytes that the engines started so far hold; the memory of WebAssembly never shrinks. */
export const heapBytes = () => found.reduce((sum, memory) => sum + memory.buffer.byteLength, 0);

/** The same in pages. */
export const heapPages = () => heapBytes() / PAGE;
