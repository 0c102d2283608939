/**
 * Letting others have the thread: what takes long is done a step in each turn.
 */

/**
 * Resolves in a later turn of the event loop, once what waits there has had its own. Where there are channels, it is the next
 * one; a timer of a browser would wait some milliseconds.
 */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    if (typeof MessageChannel !== "function") {
      setTimeout(resolve, 0);
      return;
    }
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}
