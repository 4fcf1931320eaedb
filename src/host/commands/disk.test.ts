/** Files of a size: what they show, what they take of the disk, and that none of it is memory. */
import { describe, expect, it } from "vitest";
import { TestMachine } from "../testing/test-machine.ts";

const gigabyte = 1024 ** 3;

describe("a file of a gigabyte", () => {
	it.each([
		["dd if=/dev/zero of=/tmp/f bs=1M count=1024 status=none", gigabyte],
		["head -c 1G /dev/zero > /tmp/f", gigabyte],
		["fallocate -l 1G /tmp/f", gigabyte],
		["truncate -s 1G /tmp/f", 0],
		["truncate -s 1G /tmp/f; fallocate -l 1G /tmp/f", gigabyte],
		["fallocate -l 1G /tmp/e; cp /tmp/e /tmp/f; rm /tmp/e", gigabyte],
	])("made by %s takes disk, and no memory", async (script, diskBytes) => {
		const machine = new TestMachine();
		const before = process.memoryUsage().arrayBuffers;
		expect(await machine.sh(script)).toMatchObject({ exitCode: 0, stdout: "", stderr: "" });
		expect((await machine.sh("stat -c %s /tmp/f")).stdout).toBe(`${gigabyte}\n`);
		expect(machine.machine.files.rootTree.written().bytes).toBe(diskBytes);
		expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * 1024 * 1024);
	});

	it("is copied with what dd says of it, at the speed of a disk", async () => {
		const machine = new TestMachine();
		const { stderr } = await machine.sh("dd if=/dev/zero of=/tmp/f bs=1M count=1024");
		expect(stderr).toBe("1024+0 records in\n1024+0 records out\n1073741824 bytes (1.0GB) copied, 2.211000 seconds, 463.1MB/s\n");
		expect((await machine.sh("cat /tmp/f > /tmp/g; ls -l /tmp/g | tr -s ' ' | cut -d ' ' -f 5")).stdout).toBe(`${gigabyte}\n`);
	});

	it("keeps what is not zero, where it is", async () => {
		const machine = new TestMachine();
		await machine.sh(
			"echo begin > /tmp/f; truncate -s 40K /tmp/f; echo middle >> /tmp/f; head -c 30K /dev/zero >> /tmp/f; echo end >> /tmp/f",
		);
		expect(machine.machine.files.readText("/tmp/f").replaceAll("\0", "")).toBe("begin\nmiddle\nend\n");
		expect((await machine.sh("truncate -s 3 /tmp/f; cat /tmp/f")).stdout).toBe("beg");
	});
});

describe("a disk", () => {
	it("is full at some time: of zeros late, of anything else when memory would be", async () => {
		const machine = new TestMachine();
		expect((await machine.sh("cat /dev/zero > /tmp/f")).stderr).toContain("No space left on device");
		const { files } = machine.machine;
		const write = () => files.appendFile("/tmp/text", Buffer.alloc(8 * 1024 * 1024, "x"));
		expect(() => Array.from({ length: 9 }, write)).toThrow("no space left on device");
		expect((await machine.sh("fallocate -l 200G /tmp/f")).stderr).toBe("fallocate: fallocate '/tmp/f': No space left on device\n");
	});

	it("is not read into memory as a whole", async () => {
		const machine = new TestMachine();
		expect((await machine.sh("truncate -s 1G /tmp/f; grep x /tmp/f")).exitCode).not.toBe(0);
	});
});
