/**
 * Perl, as far as the documentation's Job needs it: `perl -Mbignum=bpi -wle 'print bpi(2000)'` prints π to 2,000 digits, and
 * works for it. Also `print` of a plain string. Any other program is refused as one that Perl cannot compile: there is no
 * interpreter behind this.
 * Source: https://kubernetes.io/docs/concepts/workloads/controllers/job/#running-an-example-job
 */
import { type Program, writeText } from "../../host/index.ts";
import { debian } from "./base.ts";
import { type Image, once } from "./image.ts";

/** "It computes π to 2000 places and prints it out. It takes around 10s to complete." The work grows as the square of the digits. */
const cpuMsOf = (digits: number) => 10_000 * (digits / 2_000) ** 2;
/** Above this many digits our own arithmetic would hold up the cluster. */
const maxDigits = 10_000;
/** Digits that the sums below may get wrong. */
const guardDigits = 10;
/** What perl exits with when a program does not compile. */
const compileErrorCode = 255;

/** arctan(1 / inverse) × unit, by its series. */
function arctanOfInverse(inverse: bigint, unit: bigint): bigint {
	const square = inverse * inverse;
	let power = unit / inverse;
	let sum = power;
	for (let odd = 3n; power !== 0n; odd += 2n) {
		power /= -square;
		sum += power / odd;
	}
	return sum;
}

/** π rounded to this many digits, the 3 among them. Machin's formula: π = 16 arctan(1/5) − 4 arctan(1/239). */
export function piDigits(digits: number): string {
	const unit = 10n ** BigInt(digits - 1 + guardDigits);
	const pi = 16n * arctanOfInverse(5n, unit) - 4n * arctanOfInverse(239n, unit);
	const guard = 10n ** BigInt(guardDigits);
	const text = String((pi + guard / 2n) / guard);
	return digits === 1 ? text : `${text.slice(0, 1)}.${text.slice(1)}`;
}

const perl: Program = async ({ argv, machine, process, stdout, stderr }) => {
	const args = argv.slice(1);
	const switches = args.filter((word) => word.startsWith("-"));
	const code = args.find((word) => !word.startsWith("-")) ?? "";
	const isOneLiner = switches.some((word) => /^-\w*e$/.test(word));
	// -l ends every print with a newline.
	const end = switches.some((word) => /^-\w*l/.test(word) && !word.startsWith("-M")) ? "\n" : "";
	const text = /^\s*print\s+(?:"([^"$@\\]*)"|'([^'\\]*)')\s*;?\s*$/.exec(code);
	const pi = /^\s*print\s+bpi\(\s*(\d+)\s*\)\s*;?\s*$/.exec(code);
	if (isOneLiner && text !== null) {
		await writeText(stdout, `${text[1] ?? text[2] ?? ""}${end}`);
		return 0;
	}
	const digits = Number(pi?.[1] ?? 0);
	if (!isOneLiner || !switches.includes("-Mbignum=bpi") || digits < 1 || digits > maxDigits) {
		await writeText(stderr, `perl: kubesim has no interpreter for this; it knows -Mbignum=bpi -wle "print bpi(N)", N up to ${maxDigits}\n`);
		return compileErrorCode;
	}
	await machine.cpu.run(cpuMsOf(digits), process.ended);
	await writeText(stdout, `${piDigits(digits)}${end}`);
	return 0;
};

export const perlImage: Image = {
	repositories: ["docker.io/library/perl"],
	sizeBytes: 336_374_010,
	config: {
		cmd: ["perl", "-de0"],
		env: { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" },
		workingDir: "/usr/src/app",
	},
	files: once(() => debian(["curl"]).directory("/usr/src/app").program("/usr/local/bin/perl", "perl").build()),
	programs: { perl },
};
