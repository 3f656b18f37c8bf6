/**
 * The same function, which makes of each thing once what it makes of it: for things that are never changed, such as the messages of a
 * conversation, which all later requests hold again.
 */
export function remembered<Thing extends object, Made>(make: (thing: Thing) => Made): (thing: Thing) => Made {
  const known = new WeakMap<Thing, { made: Made }>();
  return (thing) => {
    let kept = known.get(thing);
    if (kept === undefined) known.set(thing, (kept = { made: make(thing) }));
    return kept.made;
  };
}
