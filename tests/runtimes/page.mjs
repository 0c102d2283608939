// The same in a page.

import { openMemory } from "../../dist/esm/entry/browser.js";
import { memoryPlace, memoryStorage } from "../../dist/esm/storage/memory.js";
import { carry } from "./conversation.mjs";

globalThis.carry = (input) => carry({ openMemory, memoryPlace, memoryStorage }, input);
