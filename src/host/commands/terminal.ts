/** `tty` and `stty`: what a program may ask of its terminal. Settings can be asked for, not changed. */
import type { Program } from "../machine.ts";
import { writeText } from "../stream.ts";

export const tty: Program = async ({ argv, terminal, stdout }) => {
	if (!argv.includes("-s")) await writeText(stdout, terminal === undefined ? "not a tty\n" : "/dev/pts/0\n");
	return terminal === undefined ? 1 : 0;
};

export const stty: Program = async ({ argv, terminal, stdout, stderr }) => {
	if (terminal === undefined) {
		await writeText(stderr, "stty: standard input: Inappropriate ioctl for device\n");
		return 1;
	}
	const { rows, columns } = terminal;
	const [request] = argv.slice(1);
	if (request === "size") await writeText(stdout, `${rows} ${columns}\n`);
	else if (request === "-a") await writeText(stdout, `speed 38400 baud; rows ${rows}; columns ${columns}; line = 0;\n`);
	else if (request === undefined) await writeText(stdout, "speed 38400 baud; line = 0;\n");
	return 0;
};
