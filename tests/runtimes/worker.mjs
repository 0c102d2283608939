// A worker that is sent objects and answers from them.

import { openMemory } from "../../dist/esm/entry/workerd.js";
import { memoryPlace, memoryStorage } from "../../dist/esm/storage/memory.js";
import { carry } from "./conversation.mjs";

export default {
  async fetch(request) {
    return Response.json(await carry({ openMemory, memoryPlace, memoryStorage }, await request.json()));
  },
};
