/** `echo` and `printf`, which are both builtins and programs. Source: POSIX.1-2024, printf; busybox and bash for echo's options. */

const escapes: Readonly<Record<string, string>> = {
	a: "\x07",
	b: "\b",
	e: "\x1b",
	f: "\f",
	n: "\n",
	r: "\r",
	t: "\t",
	v: "\v",
	"\\": "\\",
};

/** Interprets backslash escapes; `\c` ends the output. */
function interpretEscapes(text: string, octalPrefix: string): { readonly text: string; readonly stop: boolean } {
	let result = "";
	for (let index = 0; index < text.length; index++) {
		const char = text.charAt(index);
		if (char !== "\\" || index + 1 >= text.length) {
			result += char;
			continue;
		}
		const rest = text.slice(index + 1);
		const number = new RegExp(`^(?:x([0-9a-fA-F]{1,2})|${octalPrefix}([0-7]{1,3}))`).exec(rest);
		if (rest.startsWith("c")) return { text: result, stop: true };
		if (number !== null) {
			result += String.fromCharCode(number[1] === undefined ? Number.parseInt(number[2] ?? "0", 8) : Number.parseInt(number[1], 16));
			index += number[0].length;
			continue;
		}
		const plain = escapes[rest.charAt(0)];
		result += plain ?? `\\${rest.charAt(0)}`;
		index++;
	}
	return { text: result, stop: false };
}

/** The output of `echo args`. @param alwaysEscapes dash's echo interprets escapes without `-e`. */
export function echoText(args: readonly string[], alwaysEscapes = false): string {
	let newline = true;
	let interpret = alwaysEscapes;
	let at = 0;
	for (; /^-[neE]+$/.test(args[at] ?? ""); at++) {
		for (const option of (args[at] ?? "").slice(1)) {
			if (option === "n") newline = false;
			else interpret = option === "e";
		}
	}
	const text = args.slice(at).join(" ");
	if (!interpret) return newline ? `${text}\n` : text;
	const result = interpretEscapes(text, "0");
	return result.stop || !newline ? result.text : `${result.text}\n`;
}

/** The output of `printf format args`: the format is used again as long as there are arguments. */
export function printfText(format: string, args: readonly string[]): string {
	let rest = args;
	let output = "";
	do {
		const pass = formatOnce(format, rest);
		output += pass.text;
		if (pass.stop || pass.used === 0) break;
		rest = rest.slice(pass.used);
	} while (rest.length > 0);
	return output;
}

function formatOnce(format: string, args: readonly string[]): { readonly text: string; readonly used: number; readonly stop: boolean } {
	let used = 0;
	let stop = false;
	const next = () => args[used++] ?? "";
	const text = interpretEscapes(format.replaceAll("\\%", "%"), "").text.replace(
		/%([-+ 0#]*)(\*|\d+)?(?:\.(\*|\d+))?([a-zA-Z%])/g,
		(_, flags: string, width: string | undefined, precision: string | undefined, conversion: string) => {
			if (conversion === "%") return "%";
			if (stop) return "";
			const columns = Number(width === "*" ? next() : (width ?? 0));
			const digits = precision === undefined ? undefined : Number(precision === "*" ? next() : precision);
			const value = convert(conversion, next(), digits, flags, () => {
				stop = true;
			});
			return pad(value, columns, flags, /[diouxXeEfFgG]/.test(conversion));
		},
	);
	return { text, used: Math.min(used, args.length), stop };
}

function convert(conversion: string, argument: string, digits: number | undefined, flags: string, onStop: () => void): string {
	switch (conversion) {
		case "s":
			return digits === undefined ? argument : argument.slice(0, digits);
		case "c":
			return argument.charAt(0);
		case "b": {
			const result = interpretEscapes(argument, "0");
			if (result.stop) onStop();
			return result.text;
		}
		case "q":
			return /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`;
		default:
			return convertNumber(conversion, numberOf(argument), digits, flags);
	}
}

function convertNumber(conversion: string, value: number, digits: number | undefined, flags: string): string {
	const sign = value >= 0 && flags.includes("+") ? "+" : "";
	switch (conversion) {
		case "d":
		case "i":
		case "u":
			return sign + String(Math.trunc(value));
		case "o":
			return Math.trunc(value).toString(8);
		case "x":
		case "X": {
			const hex = (flags.includes("#") ? "0x" : "") + Math.trunc(value).toString(16);
			return conversion === "X" ? hex.toUpperCase() : hex;
		}
		case "e":
		case "E":
			return sign + value.toExponential(digits ?? 6);
		case "f":
		case "F":
			return sign + value.toFixed(digits ?? 6);
		case "g":
		case "G":
			return sign + String(Number(value.toPrecision(digits === undefined || digits === 0 ? 6 : digits)));
		default:
			return "";
	}
}

function numberOf(text: string): number {
	if (/^["']/.test(text)) return text.codePointAt(1) ?? 0;
	const value = /^[-+]?0\d+$/.test(text) ? Number.parseInt(text, 8) : Number(text);
	return Number.isFinite(value) ? value : 0;
}

function pad(text: string, columns: number, flags: string, numeric: boolean): string {
	const width = Math.abs(columns);
	if (flags.includes("-") || columns < 0) return text.padEnd(width);
	if (numeric && flags.includes("0")) {
		const sign = /^[-+]/.test(text) ? text.charAt(0) : "";
		return sign + text.slice(sign.length).padStart(width - sign.length, "0");
	}
	return text.padStart(width);
}
