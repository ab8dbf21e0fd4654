namespace FedActors.Core.Tests;

/// <summary>
/// The folder <c>shared</c> beside the repository: real patients and reference numbers, which the project does not
/// carry. A test that needs it is ignored where it is absent.
/// </summary>
internal static class SharedFolder
{
    /// <param name="path">Within the folder.</param>
    public static string Path(string path)
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (Directory.Exists(System.IO.Path.Combine(folder.FullName, "shared", "data")))
                return System.IO.Path.Combine(folder.FullName, "shared", path);
        }
        Assert.Ignore("There is no folder 'shared' with real patients and reference numbers beside the repository.");
        throw new InvalidOperationException("Unreachable: Assert.Ignore throws.");
    }

    /// <summary>The rows of a reference table below its header, cut at the commas; quoted fields keep theirs.</summary>
    public static IReadOnlyList<string[]> Reference(string name) =>
        [.. File.ReadLines(Path($"reference/learning/{name}")).Skip(1).Select(line => line.Split('"').Length == 1
            ? line.Split(',')
            : [.. line.Split('"')
                .SelectMany((part, i) => i % 2 == 1
                    ? [part]
                    : part.Trim(',').Split(',', StringSplitOptions.RemoveEmptyEntries))])];
}
