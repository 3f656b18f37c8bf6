import * as v from "valibot";

/*
 * Schemas that are made when they are looked at. An agent file has few of the keys that it could have, and to make the schemas of
 * all takes longer than to read the file.
 */

/** A key that need not be there. */
export function later<S extends v.GenericSchema>(make: () => S) {
  const made = once(make);
  return {
    ...v.exactOptional(v.lazy(made)),
    get wrapped(): S {
      return made();
    },
  };
}

/** The same with the value that it has where it is not there. */
export function laterOr<S extends v.GenericSchema, const Absent extends v.InferInput<S> & v.InferOutput<S>>(
  absent: Absent,
  make: () => S,
) {
  const made = once(make);
  const key = v.exactOptional(v.lazy(made), absent);
  return {
    ...key,
    get wrapped(): S {
      return made();
    },
    "~run": (
      dataset: v.UnknownDataset,
      config: v.Config<v.InferIssue<S>>,
    ): v.OutputDataset<v.InferOutput<S>, v.InferIssue<S>> =>
      dataset.value === absent ? { typed: true, value: absent } : key["~run"](dataset, config),
  };
}

/** What is made at its first use. */
export function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
