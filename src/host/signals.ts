/** Signals by name and number, and what they do to who does not handle them. Source: https://man7.org/linux/man-pages/man7/signal.7.html */

/** By number on x86-64. */
export const signalNumbers = {
	HUP: 1,
	INT: 2,
	QUIT: 3,
	ILL: 4,
	TRAP: 5,
	ABRT: 6,
	BUS: 7,
	FPE: 8,
	KILL: 9,
	USR1: 10,
	SEGV: 11,
	USR2: 12,
	PIPE: 13,
	ALRM: 14,
	TERM: 15,
	STKFLT: 16,
	CHLD: 17,
	CONT: 18,
	STOP: 19,
	TSTP: 20,
	TTIN: 21,
	TTOU: 22,
	URG: 23,
	XCPU: 24,
	XFSZ: 25,
	VTALRM: 26,
	PROF: 27,
	WINCH: 28,
	POLL: 29,
	PWR: 30,
	SYS: 31,
} as const;

export type SignalName = keyof typeof signalNumbers;

const aliases: Readonly<Record<string, SignalName>> = { IOT: "ABRT", IO: "POLL", CLD: "CHLD" };

/** Reads `TERM`, `SIGTERM` or `15`; undefined if there is no such signal. */
export function parseSignal(text: string): SignalName | undefined {
	const name = text.toUpperCase().replace(/^SIG/, "");
	for (const [known, number] of Object.entries(signalNumbers) as [SignalName, number][]) {
		if (known === name || String(number) === text) return known;
	}
	return aliases[name];
}

export function defaultActionOf(signal: SignalName): "end" | "stop" | "ignore" {
	if (signal === "STOP" || signal === "TSTP" || signal === "TTIN" || signal === "TTOU") return "stop";
	return signal === "CHLD" || signal === "URG" || signal === "WINCH" || signal === "CONT" ? "ignore" : "end";
}
