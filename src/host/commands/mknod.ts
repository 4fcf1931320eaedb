/**
 * `mknod`: character devices, of those that a machine has. There are no block devices but the machine's disk, and no FIFOs.
 * Source: mknod(1) of coreutils 9.7
 */
import { hasCapability } from "../capabilities.ts";
import { deviceNumbers } from "../devices.ts";
import type { Program } from "../machine.ts";
import { writeText } from "../stream.ts";
import { FsError } from "../vfs/inode.ts";
import { resolvePath } from "../vfs/path.ts";
import { parseOptions } from "./options.ts";

const usualMode = 0o644;

export const mknod: Program = async ({ argv, cwd, files, process, stderr }) => {
	const { values, operands } = parseOptions(argv.slice(1), "m:Z", ["mode:"]);
	const fail = async (text: string): Promise<number> => {
		await writeText(stderr, `mknod: ${text}\n`);
		return 1;
	};
	const help = "\nTry 'mknod --help' for more information.";
	const [name, type, major, minor, ...extra] = operands;
	const isFifo = type === "p";
	if (name === undefined) return fail(`missing operand${help}`);
	if (type === undefined || (!isFifo && minor === undefined)) {
		const why = operands.length === 2 ? "\nSpecial files require major and minor device numbers." : "";
		return fail(`missing operand after '${operands.at(-1)}'${why}${help}`);
	}
	if (isFifo && major !== undefined) return fail(`extra operand '${major}'\nFifos do not have major and minor device numbers.${help}`);
	if (extra[0] !== undefined) return fail(`extra operand '${extra[0]}'${help}`);
	if (!/^[bcup]$/.test(type)) return fail(`invalid device type '${type}'${help}`);
	if (!isFifo && !/^\d+$/.test(major ?? "")) return fail(`invalid major device number '${major}'`);
	if (!isFifo && !/^\d+$/.test(minor ?? "")) return fail(`invalid minor device number '${minor}'`);
	const mode = values.get("m") ?? values.get("mode");
	if (mode !== undefined && !/^[0-7]{1,4}$/.test(mode)) return fail("invalid mode");
	const capabilities = process.machine.facts?.capabilities;
	const mayMake = process.credentials.uid === 0 && (capabilities === undefined || hasCapability(capabilities, "MKNOD"));
	if (!isFifo && !mayMake) return fail(`${name}: Operation not permitted`);
	const device = type === "c" || type === "u" ? deviceNumbers.get(`${major}:${minor}`) : undefined;
	if (device === undefined) return fail(`${name}: ${isFifo ? "FIFOs are" : `device ${type} ${major}:${minor} is`} not simulated`);
	try {
		files.makeDevice(resolvePath(cwd, name), device, mode === undefined ? usualMode : Number.parseInt(mode, 8));
		return 0;
	} catch (error) {
		if (!(error instanceof FsError)) throw error;
		return fail(`${name}: ${error.shellText}`);
	}
};
