/** Whether a file is a WebAssembly module: `\0asm`. */
export function isWasmModule(bytes: Uint8Array): boolean {
	return bytes[0] === 0 && bytes[1] === 0x61 && bytes[2] === 0x73 && bytes[3] === 0x6d;
}
