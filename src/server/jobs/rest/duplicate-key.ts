import { createScanner } from 'jsonc-parser';

/**
 * Whether the object in the member `name` of the outermost object has a duplicate key, which a parsed object would hide.
 * The text must be valid JSON. Works without recursion, so nesting may have any depth.
 */
export const hasDuplicateKey = (json: string, name: string): boolean => {
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
        if (depth === 2) seen.clear();
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
        const isKeyOfMember = depth === 2 && member === name;
        if (isKeyOfMember && seen.has(lastString)) return true;
        if (isKeyOfMember) seen.add(lastString);
      }
    }
  }
  return false;
};
