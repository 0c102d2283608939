// What the graphs of all peers are made with, and what is swept when they are searched.

/** Neighbours that a vector has in a graph: M. */
export const CONNECTIVITY = 16;
/** Candidates that an insert looks at: ef_construction. */
export const EFFORT = 200;
/** What graphs draw their layers from, where they take it. */
export const SEED = 100;
/** Candidates that a search keeps, ef, in rising order. */
export const WIDTHS = [10, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024];
