/**
 * Says what is wrong with a broken JSON text in the words of Go's encoding/json, which is what users of Kubernetes see
 * and search for. Runs only after JSON.parse has refused the text.
 * Source: https://pkg.go.dev/encoding/json (SyntaxError).
 */

class JsonSyntaxError extends Error {}

const endOfInput = "unexpected end of JSON input";
const whitespace = /[ \t\n\r]/;

/** `invalid character 'x' looking for beginning of value` and the like; undefined when the text is well-formed. */
export function describeJsonError(text: string): string | undefined {
	try {
		new Scanner(text).scan();
		return undefined;
	} catch (error) {
		if (error instanceof JsonSyntaxError) return error.message;
		throw error;
	}
}

/** A recursive descent over the grammar of RFC 8259 that keeps nothing. */
class Scanner {
	readonly #text: string;
	#position = 0;

	constructor(text: string) {
		this.#text = text;
	}

	scan(): void {
		this.#value("looking for beginning of value");
		this.#skipSpace();
		if (this.#position < this.#text.length) this.#fail("after top-level value");
	}

	#value(context: string): void {
		this.#skipSpace();
		const first = this.#peek();
		if (first === "{") this.#object();
		else if (first === "[") this.#array();
		else if (first === '"') this.#string();
		else if (first === "-" || isDigit(first)) this.#number();
		else if (first === "t") this.#literal("true");
		else if (first === "f") this.#literal("false");
		else if (first === "n") this.#literal("null");
		else this.#fail(context);
	}

	#object(): void {
		this.#position++;
		this.#skipSpace();
		if (this.#take("}")) return;
		for (;;) {
			this.#skipSpace();
			if (this.#peek() !== '"') this.#fail("looking for beginning of object key string");
			this.#string();
			this.#skipSpace();
			if (!this.#take(":")) this.#fail("after object key");
			this.#value("looking for beginning of value");
			this.#skipSpace();
			if (this.#take("}")) return;
			if (!this.#take(",")) this.#fail("after object key:value pair");
		}
	}

	#array(): void {
		this.#position++;
		this.#skipSpace();
		if (this.#take("]")) return;
		for (;;) {
			this.#value("looking for beginning of value");
			this.#skipSpace();
			if (this.#take("]")) return;
			if (!this.#take(",")) this.#fail("after array element");
		}
	}

	#string(): void {
		this.#position++;
		for (;;) {
			const character = this.#peek();
			if (character === '"') break;
			if (character === undefined || character < " ") this.#fail("in string literal");
			this.#position++;
			if (character === "\\") this.#escape();
		}
		this.#position++;
	}

	#escape(): void {
		const character = this.#peek();
		if (character === undefined || !'"\\/bfnrtu'.includes(character)) this.#fail("in string escape code");
		this.#position++;
		if (character !== "u") return;
		for (let digit = 0; digit < 4; digit++) {
			if (!/^[0-9a-fA-F]$/.test(this.#peek() ?? "")) this.#fail("in \\u hexadecimal character escape");
			this.#position++;
		}
	}

	#number(): void {
		this.#take("-");
		if (!this.#take("0")) this.#digits("in numeric literal");
		if (this.#take(".")) this.#digits("after decimal point in numeric literal");
		if (this.#take("e") || this.#take("E")) {
			if (!this.#take("+")) this.#take("-");
			this.#digits("in exponent of numeric literal");
		}
	}

	#digits(context: string): void {
		if (!isDigit(this.#peek())) this.#fail(context);
		while (isDigit(this.#peek())) this.#position++;
	}

	#literal(word: string): void {
		for (const expected of word) {
			if (!this.#take(expected)) this.#fail(`in literal ${word} (expecting '${expected}')`);
		}
	}

	#skipSpace(): void {
		while (whitespace.test(this.#peek() ?? "")) this.#position++;
	}

	#peek(): string | undefined {
		return this.#text[this.#position];
	}

	#take(character: string): boolean {
		if (this.#peek() !== character) return false;
		this.#position++;
		return true;
	}

	#fail(context: string): never {
		const code = this.#text.codePointAt(this.#position);
		throw new JsonSyntaxError(code === undefined ? endOfInput : `invalid character ${quoteCharacter(code)} ${context}`);
	}
}

function isDigit(character: string | undefined): boolean {
	return character !== undefined && character >= "0" && character <= "9";
}

/** Go's quoteChar: single quotes, with escapes for what cannot be seen. */
function quoteCharacter(code: number): string {
	const character = String.fromCodePoint(code);
	if (character === "'") return "'\\''";
	if (character === '"') return "'\"'";
	return `'${JSON.stringify(character).slice(1, -1)}'`;
}
