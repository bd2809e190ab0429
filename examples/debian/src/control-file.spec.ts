import { parseDependencies, parsePackage, readStanzas } from './control-file.ts';

const text = `Package: 0ad
Version: 0.0.26-3
Installed-Size: 28591
Maintainer: Games <games@example.org>
Architecture: amd64
Depends: libc6 (>= 2.34), default-mta | mail-transport-agent, python3:any (>= 3.9~)
Pre-Depends: dpkg (>= 1.15.6~)
Description: Real-time strategy: the game
Tag: game::strategy, role::program,
 uitoolkit::sdl
Section: games
Size: 7891488

Package: empty
Version: 1
Architecture: all
`;

describe('the package index', () => {
  it('reads stanzas, with lines that go on', async () => {
    const packages = [];
    for await (const stanza of readStanzas(text.split('\n'))) packages.push(parsePackage(stanza));
    expect(packages.map((found) => found.name)).toEqual(['0ad', 'empty']);
    const [game, empty] = packages;
    expect(game).toMatchObject({
      installedSize: 28591n,
      size: 7891488n,
      description: 'Real-time strategy: the game',
      tags: ['game::strategy', 'role::program', 'uitoolkit::sdl'],
    });
    expect(empty).toMatchObject({ installedSize: undefined, section: 'unknown', dependencies: [] });
  });

  it('reads alternatives, versions and architectures', () => {
    expect(parseDependencies('depends', 'a (>= 1:2~), b | c:any (<< 3) [amd64]')).toEqual([
      {
        relation: 'depends',
        group: 0,
        alternative: 0,
        target: 'a',
        architecture: undefined,
        constraint: '>= 1:2~',
      },
      {
        relation: 'depends',
        group: 1,
        alternative: 0,
        target: 'b',
        architecture: undefined,
        constraint: undefined,
      },
      {
        relation: 'depends',
        group: 1,
        alternative: 1,
        target: 'c',
        architecture: 'any',
        constraint: '<< 3',
      },
    ]);
  });

  it('refuses what it does not understand rather than drop it', async () => {
    expect(() => parseDependencies('depends', 'a (>= 1')).toThrow('not a dependency');
    const broken = readStanzas(['Package: x', 'no colon here']);
    await expect(broken.next()).rejects.toThrow('not a field');
    expect(() => parsePackage(new Map([['package', 'x']]))).toThrow('no field version');
  });
});
