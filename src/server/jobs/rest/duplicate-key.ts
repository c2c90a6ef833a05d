import { createScanner } from 'jsonc-parser';

/**
 * Whether the outermost object, or the object in its member `name`, has a duplicate key, which a parsed object would hide.
 * The text must be valid JSON. Works without recursion, so nesting may have any depth.
 */
export const hasDuplicateKey = (json: string, name?: string): boolean => {
  const scanner = createScanner(json, true);
  const seen = new Set<string>();
  let depth = 0;
  let member: string | undefined;
  let lastString = '';
  for (scanner.scan(); scanner.getTokenLength() > 0; scanner.scan()) {
    switch (json.charAt(scanner.getTokenOffset())) {
      case '{':
      case '[':
        depth++;
        if (depth === 2 && name !== undefined) seen.clear();
        break;
      case '}':
      case ']':
        depth--;
        break;
      case '"':
        lastString = scanner.getTokenValue();
        break;
      case ':': {
        if (depth === 1) member = lastString;
        const isChecked = name === undefined ? depth === 1 : depth === 2 && member === name;
        if (isChecked && seen.has(lastString)) return true;
        if (isChecked) seen.add(lastString);
      }
    }
  }
  return false;
};
