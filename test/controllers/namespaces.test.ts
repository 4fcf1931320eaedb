import { namespaceLives } from "./lives/namespaces.ts";
import { testLives } from "./properties.ts";

testLives(namespaceLives);
