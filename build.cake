// dotnet tool restore && dotnet cake [--target=Default] [--configuration=Release]

var target = Argument("target", "Default");
var configuration = Argument("configuration", "Release");
const string solution = "FedActors.sln";
const string artifacts = "artifacts";

Task("Clean").Does(() =>
{
    CleanDirectory(artifacts);
    CleanDirectories($"src/*/bin/{configuration}");
    CleanDirectories($"tests/*/bin/{configuration}");
});

Task("Restore").Does(() => DotNetRestore(solution));

Task("Lint").IsDependentOn("Restore").Does(() =>
    DotNetFormat(solution, new DotNetFormatSettings { NoRestore = true, VerifyNoChanges = true }));

Task("Build").IsDependentOn("Lint").Does(() => DotNetBuild(solution, new DotNetBuildSettings
{
    Configuration = configuration,
    NoRestore = true,
    MSBuildSettings = new DotNetMSBuildSettings { TreatAllWarningsAs = MSBuildTreatAllWarningsAs.Error },
}));

Task("Test").IsDependentOn("Build").Does(() =>
{
    Test("FedActors.Core.Tests");
    Test("FedActors.Actors.Tests");
});

Task("EndToEnd").IsDependentOn("Build").Does(() => Test("FedActors.EndToEnd.Tests"));

// Every sample that carries its data; the others need a file from its publisher and are run by the tests where it is there.
Task("Samples").IsDependentOn("Build").Does(() =>
{
    foreach (var sample in GetDirectories("samples/*").Where(folder => GetFiles($"{folder}/*.csv").Any()))
        DotNetRun("src/FedActors.Cli", $"simulate \"{sample}/job.conf\" --fresh --out \"{artifacts}/samples/{sample.GetDirectoryName()}\"",
            new DotNetRunSettings { Configuration = configuration, NoBuild = true });
});

// What a researcher (fedactors) and a hospital (fedactors-node) install: a folder each that needs the .NET runtime only.
Task("Pack").IsDependentOn("Test").Does(() =>
{
    foreach (var project in new[] { "FedActors.Cli", "FedActors.Node" })
        DotNetPublish($"src/{project}", new DotNetPublishSettings
        {
            Configuration = configuration,
            NoBuild = true,
            OutputDirectory = $"{artifacts}/{project}",
        });
});

Task("Default").IsDependentOn("Test").IsDependentOn("EndToEnd").IsDependentOn("Samples");

RunTarget(target);

void Test(string project) => DotNetTest($"tests/{project}", new DotNetTestSettings
{
    Configuration = configuration,
    NoBuild = true,
    Loggers = ["trx"],
    ResultsDirectory = $"{artifacts}/tests",
});
