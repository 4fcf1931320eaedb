/**
 * Notes on values that others made and that others hold: what is known of an object, kept on the object, where nobody but the class
 * that wrote it can see it. Not in its JSON, not in a copy of it, and to no comparison.
 *
 * A WeakMap would say the same, and cost several microseconds an entry: the collector looks through it each time it collects what is
 * young, and the server notes two things with every write.
 *
 *   class Origin extends Note {
 *     #origin: string;
 *     constructor(value: object, origin: string) { super(value); this.#origin = origin; }
 *     static of(value: object) { return #origin in value ? value.#origin : undefined; }
 *   }
 */

/** Base of classes whose private fields are added to the value that their constructor is given, which may have them only once. */
export class Note {
	constructor(value: object) {
		// biome-ignore lint/correctness/noConstructorReturn: what a base class returns is what the fields are added to
		return value;
	}
}
