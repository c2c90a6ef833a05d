import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * Runs the tests of the packages first: their file takes longest, and other cores would wait for it at the end.
 */
export class PackagesFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isPackagesTest = ({ project }: TestSpecification): boolean => project.name === 'packages';
    return [...sorted.filter(isPackagesTest), ...sorted.filter((file) => !isPackagesTest(file))];
  }
}
