import js from "@eslint/js";
import globals from "globals";

export default [
  js.configs.recommended,
  {
    files: ["src/**/*.js"],
    languageOptions: { globals: globals.browser },
    rules: { eqeqeq: "error", "no-var": "error", "prefer-const": ["error", { destructuring: "all" }], "no-shadow": "error", "no-implicit-globals": "error", "max-lines": ["error", 350] },
  },
  { files: ["*.mjs", "test/**/*.mjs", "*.config.js"], languageOptions: { globals: globals.node } },
];
