/** What types solutions where there is no kubectl: a command that is not in the help, and that lessons put there under kubectl's name. */
export const standInCommand = "kubectl-stand-in";
