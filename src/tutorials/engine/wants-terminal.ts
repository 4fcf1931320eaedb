/** Commands that want the terminal to themselves: editors, pagers, what is full of screen, a shell in a container. Told by their words. */

const programs = "vi|vim|nvim|view|nano|pico|emacs|less|more|man|top|htop|watch|k9s|tmux|ssh|kubectl\\s+edit";
const program = new RegExp(`(^|[;&|({]\\s*|\\b(sudo|env|time)\\s+)(${programs})(\\s|$)`);
/** -it, -ti, -i -t, --tty and their like. */
const withTerminal = /\s(-(it|ti)|-i\s+-t|-t\s+-i|--tty(=true)?)(\s|$)/;
/** A shell, and nothing for it to do. */
const bareShell = /(^|[;&|]\s*)((ba|z|da|fi)?sh|kubesim\s+node\s+shell\s+\S+)\s*$/;

export function wantsTerminal(command: string): boolean {
	return program.test(command) || withTerminal.test(command) || bareShell.test(command);
}
