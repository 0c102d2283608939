// vectorlite, an HNSW graph in C++ as an extension of SQLite, through better-sqlite3. The graph is saved with the database.

import { statSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import vectorlite from "vectorlite";
import { CONNECTIVITY, EFFORT, WIDTHS } from "../settings.mjs";

export const about = { package: "vectorlite", kind: "native", setting: "ef", values: WIDTHS };

export function create(width, count, limit, folder) {
  const graph = join(folder, "index.graph");
  const open = () => {
    const database = new Database(join(folder, "index.sqlite"));
    database.loadExtension(vectorlite.vectorlitePath());
    return database;
  };
  let database = open();
  database.exec(
    `create virtual table rows using vectorlite(vector float32[${width}] ip, ` +
      `hnsw(max_elements=${count},M=${CONNECTIVITY},ef_construction=${EFFORT}), '${graph}')`,
  );
  let insert;
  let select;
  const prepareStatements = () => {
    insert = database.prepare("insert into rows (rowid, vector) values (?, ?)");
    select = database.prepare(`select rowid from rows where knn_search(vector, knn_param(?, ${limit}, ?))`).pluck();
  };
  prepareStatements();
  const blob = (vector) => Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength);
  return {
    addMany(first, vectors) {
      database.transaction(() => {
        for (const [at, vector] of vectors.entries()) insert.run(BigInt(first + at), blob(vector));
      })();
    },
    search: (vector, setting) => select.all(blob(vector), BigInt(setting)),
    save() {
      database.close();
      return statSync(graph).size;
    },
    load() {
      database = open();
      prepareStatements();
      // The first question reads the graph.
      select.all(blob(new Float32Array(width).fill(width ** -0.5)), BigInt(limit));
    },
  };
}
