import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * The packages come first: their one file takes longer than any other, and at the end one core would wait for it.
 */
export class PackagesFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isOfPackages = ({ project }: TestSpecification): boolean => project.name === 'packages';
    return [...sorted.filter(isOfPackages), ...sorted.filter((file) => !isOfPackages(file))];
  }
}
