// dotnet tool restore && dotnet cake [--target=Default] [--configuration=Release] [--data=DIR]

var target = Argument("target", "Default");
var configuration = Argument("configuration", "Release");
var data = Argument("data", "");
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

// The samples that do not carry their data run where --data=DIR names a folder with ist/, heart-disease/ and tcga-brca/ in it.
Task("Samples").IsDependentOn("Build").Does(() =>
{
    foreach (var (sample, folder) in new[] { ("breast-tumour", ""), ("stroke", "ist"), ("heart-disease", "heart-disease"), ("breast-survival", "tcga-brca") })
        if (folder.Length == 0 || data.Length > 0)
            DotNetRun(
                "src/FedActors.Cli",
                $"simulate samples/{sample}/job.conf --fresh --out {artifacts}/samples/{sample}" + (folder.Length == 0 ? "" : $" --data \"{data}/{folder}\""),
                new DotNetRunSettings { Configuration = configuration, NoBuild = true });
        else
            Information($"{sample} was not run: it needs its publisher's file, --data=DIR.");
});

// What a researcher (fedactors) and a hospital (fedactors-node) install: a folder each. fedactors needs the .NET
// runtime, fedactors-node that of ASP.NET Core.
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
