using Akka.Configuration;
using FedActors.Actors.Configuration;
using FedActors.Actors.Data;
using FedActors.Core;
using FedActors.Core.Data;

namespace FedActors.Actors.Tests.Data;

/// <summary>Everything that can be wrong with a job's data, told by number, place and remedy.</summary>
public class DataFaultTests
{
    private const string Schema = """
        columns = [
          { names = [SITE], type = category, values = [north, south, west] }
          { names = [AGE], type = number, minimum = 0, maximum = 120, missing = ["?"], when-missing = drop-row }
          { names = [SEX], type = category, values = [M, F, ""] }
          { names = [DEAD], type = number, values = [0, 1, 9] }
        ]
        features = [
          { name = age, column = AGE, centre = 50, scale = 10 }
          { name = male, column = SEX, is = [M] }
        ]
        targets {
          dead { column = DEAD, positive = [1], negative = [0], others = refuse }
        }
        splits {
          sites { sites = column, column = SITE, holdout = shuffled, test-one-in = 3, rest = external }
        }
        """;

    private const string Header = "SITE,AGE,SEX,DEAD\n";

    // Six patients a hospital, both labels in every third of them.
    private const string North = "north,40,M,0\nnorth,50,F,1\nnorth,60,M,0\nnorth,70,F,1\nnorth,55,,0\nnorth,45,M,1\n";
    private const string South = "south,40,M,0\nsouth,50,F,1\nsouth,60,M,0\nsouth,70,F,1\nsouth,55,,0\nsouth,45,M,1\n";

    private string _folder = "";

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("fedactors-data-").FullName;

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void A_good_file_loads()
    {
        var data = Load(Header + North + South);
        Assert.That(data.Hospitals.Select(h => (h.Hospital.ToString(), h.Train.Rows, h.Test.Rows)),
            Is.EqualTo(new[] { ("north", 4, 2), ("south", 4, 2) }));
        Assert.That(data.Test.FeatureNames, Is.EqualTo(new[] { "age", "male" }));
        Assert.That(data.Inputs[0], Is.EqualTo(new InputDescription("age", "AGE", 50, 10, data.Inputs[0].OneOf)));
    }

    [Test]
    public void Columns_may_stand_in_any_order_among_others_and_quoted_with_another_separator()
    {
        var reordered = "\uFEFFDEAD;NOTE;AGE;SITE;SEX\r\n"
            + string.Concat((North + South).Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => line.Split(','))
            .Select(f => $"{f[3]};\"a; \"\"b\"\"\r\nc\"; {f[1]} ;\"{f[0]}\";{f[2]}\r\n"));
        var (plain, same) = (Load(Header + North + South), Load(reordered, "separator = \";\""));
        Assert.That(same.Test.Values.ToArray(), Is.EqualTo(plain.Test.Values.ToArray()));
        Assert.That(same.Hospitals[1].Train.Labels.ToArray(), Is.EqualTo(plain.Hospitals[1].Train.Labels.ToArray()));
    }

    [Test]
    public void A_text_where_a_number_belongs_is_named_with_line_column_and_value() =>
        AssertOnly(Faults(Header + North + "south,4O,M,0\n" + South), FaultNumber.NotANumber,
            "data.csv: line 8, column 'AGE'", "'4O'");

    [Test]
    public void NaN_and_infinity_are_no_numbers([Values("NaN", "Infinity", "-Infinity", "1e999")] string value) =>
        AssertOnly(Faults(Header + North + $"south,{value},M,0\n" + South), FaultNumber.NotANumber,
            "data.csv: line 8, column 'AGE'", "finite");

    [Test]
    public void A_decimal_comma_is_not_read_as_thousands() =>
        AssertOnly(Faults(Header + North + "south,\"1,5\",M,0\n" + South), FaultNumber.NotANumber,
            "line 8, column 'AGE'", "'1,5'");

    [Test]
    public void A_number_out_of_range_is_not_allowed() =>
        AssertOnly(Faults(Header + North + "south,460,M,0\n" + South), FaultNumber.ValueNotAllowed,
            "line 8, column 'AGE'", "'460'", "0 to 120");

    [Test]
    public void A_word_that_is_not_listed_is_not_allowed() =>
        AssertOnly(Faults(Header + North + "south,46,X,0\n" + South), FaultNumber.ValueNotAllowed,
            "line 8, column 'SEX'", "'X'", "'M', 'F', ''");

    [Test]
    public void A_label_that_is_not_listed_is_refused_without_being_shown()
    {
        foreach (var label in new[] { "7", "seven", "9" })
        {
            var faults = Faults(Header + North + $"south,46,M,{label}\n" + South);
            Assert.That(faults, Has.Length.EqualTo(1));
            Assert.That(faults[0].Where, Is.EqualTo("data.csv: line 8, column 'DEAD'"));
            Assert.That(faults[0].What, Does.Not.Contain(label));
        }
    }

    [Test]
    public void A_label_outside_the_target_drops_its_row_only_where_the_target_says_so()
    {
        var rows = Header + North + "south,46,M,9\n" + South;
        AssertOnly(Faults(rows), FaultNumber.ValueNotAllowed, "line 8, column 'DEAD'", "neither");
        var data = Load(rows, "targets.dead.others = drop-row");
        Assert.That(data.Hospitals[1].Train.Rows + data.Hospitals[1].Test.Rows, Is.EqualTo(6));
    }

    [Test]
    public void A_missing_value_drops_its_row_or_is_refused_as_the_column_says()
    {
        var data = Load(Header + North + "south,?,M,0\n" + South);
        Assert.That(data.Hospitals[1].Train.Rows + data.Hospitals[1].Test.Rows, Is.EqualTo(6));
        AssertOnly(Faults(Header + North + "south,?,M,0\n" + South, schema: Schema.Replace("drop-row }", "refuse }")),
            FaultNumber.ValueNotAllowed, "line 8, column 'AGE'", "missing");
        AssertOnly(Faults(Header + North + "south,,M,0\n" + South), FaultNumber.NotANumber, "line 8, column 'AGE'",
            "''");
    }

    [Test]
    public void A_missing_marker_stays_missing_where_zero_is_allowed()
    {
        var schema = Schema.Replace("{ names = [DEAD], type = number, values = [0, 1, 9] }",
            "{ names = [DEAD], type = number, values = [0, 1], missing = [\"?\"], when-missing = drop-row }");
        var data = Load(Header + North + "south,46,M,?\n" + South, schema: schema);
        Assert.That(data.Hospitals[1].Train.Rows + data.Hospitals[1].Test.Rows, Is.EqualTo(6));
    }

    [Test]
    public void A_missing_column_is_named_with_the_nearest() =>
        AssertOnly(Faults("SITE,AGGE,SEX,DEAD\n" + North + South), FaultNumber.MissingColumn, "data.csv: column 'AGE'",
            "Did you mean 'AGGE'?");

    [Test]
    public void Two_columns_of_one_name_are_refused() =>
        AssertOnly(Faults("SITE,AGE,SEX,DEAD,AGE\n"), FaultNumber.DuplicateName, "column 'AGE'", "Two columns");

    [Test]
    public void A_row_of_too_few_or_too_many_fields_is_malformed(
        [Values("south,40,M", "south,40,M,0,1", "south")] string row) =>
        AssertOnly(Faults(Header + North + row + "\n" + South), FaultNumber.RowMalformed, "data.csv: line 8",
            "where 4 belong");

    [Test]
    public void A_quote_that_stands_wrong_is_malformed_at_its_line(
        [Values("south,4\"0,M,0", "south,\"40\"x,M,0", "\"south,40,M,0")] string row) =>
        Assert.That(Faults(Header + North + row + "\n" + South)[0],
            Has.Property("Number").EqualTo(FaultNumber.RowMalformed)
            .And.Property("Where").EqualTo("data.csv: line 8"));

    [Test]
    public void An_empty_file_is_refused([Values("", "\n\n")] string text) =>
        AssertOnly(Faults(text), FaultNumber.RowMalformed, "data.csv: line 1", "empty");

    [Test]
    public void A_file_of_a_header_alone_has_no_hospital() =>
        AssertOnly(Faults(Header), FaultNumber.EmptyHospital, "", "No hospital");

    [Test]
    public void All_faults_of_a_file_are_told_together()
    {
        var faults = Faults(Header + North + "south,old,X,0\nsouth,40\nwhere,40,M,0\n" + South);
        Assert.That(faults.Select(fault => (fault.Number, fault.Where)), Is.EqualTo(new[]
        {
            (FaultNumber.NotANumber, "data.csv: line 8, column 'AGE'"),
            (FaultNumber.ValueNotAllowed, "data.csv: line 8, column 'SEX'"),
            (FaultNumber.RowMalformed, "data.csv: line 9"),
            (FaultNumber.ValueNotAllowed, "data.csv: line 10, column 'SITE'"),
        }));
    }

    [Test]
    public void More_than_twenty_faults_are_counted()
    {
        var faults = Faults(Header + North + string.Concat(Enumerable.Repeat("south,old,M,0\n", 31)) + South);
        Assert.That(faults, Has.Length.EqualTo(21));
        Assert.That(faults[^1].What, Is.EqualTo("And 11 more faults in this file."));
    }

    [Test]
    public void A_refused_value_is_cut_short()
    {
        var fault = Faults(Header + North + "south,patient Jane Example born 1950,M,0\n" + South).Single();
        Assert.That(fault.ToString(), Does.Contain("'patient Jane...'").And.Not.Contains("Example"));
    }

    [Test]
    public void Faults_of_several_files_are_told_together()
    {
        var faults =
            Faults(Header + North + "south,old,M,0\n", files: "files = [ { path = data.csv }, { path = more.csv } ]",
            others: [("more.csv", Header + South + "south,older,M,0\n")]);
        Assert.That(faults.Select(fault => fault.Where),
            Is.EqualTo(new[] { "data.csv: line 8, column 'AGE'", "more.csv: line 8, column 'AGE'" }));
    }

    [Test]
    public void A_missing_file_is_named_with_what_to_do()
    {
        var faults = Faults(Header, files: "files = [ { path = absent.csv } ]");
        AssertOnly(faults, FaultNumber.DataFileMissing, Path.Combine(_folder, "absent.csv"), "no such file");
    }

    [Test]
    public void A_folder_in_place_of_a_file_is_named()
    {
        Directory.CreateDirectory(Path.Combine(_folder, "absent.csv"));
        AssertOnly(Faults(Header, files: "files = [ { path = absent.csv } ]"), FaultNumber.DataFileMissing,
            "absent.csv", "folder");
    }

    [TestCase("stroke", "ist_compact.csv", "10.7488/ds/104",
        "1092ddd99483c242fb32c9840a727f51c5d346631a4a7692f8991262a5b012e7")]
    [TestCase("heart-disease", "processed.va.data", "archive.ics.uci.edu",
        "e7c93d8d0d2acdadfa4c5e8de768e2191e7f618b952e29623f1f0d5949ff6b8f")]
    public void A_sample_without_its_data_says_where_to_get_it_and_its_checksum(
        string sample, string file, string source, string sha256)
    {
        var thrown = Assert.Throws<FaultException>(() => SampleData.Load(sample))!;
        var fault = thrown.Faults.Single(fault => fault.What.Contains(file, StringComparison.Ordinal));
        Assert.That(fault.Number, Is.EqualTo(FaultNumber.DataNotGiven));
        Assert.That(fault.Fix, Does.Contain(source).And.Contains(sha256).And.Contains("--data DIR"));
        Assert.That(thrown.ExitCode, Is.EqualTo(ExitCode.BadInput));
    }

    [Test]
    public void A_data_folder_without_the_file_is_told_where_the_file_comes_from()
    {
        var fault = Assert.Throws<FaultException>(() => SampleData.Load("stroke", _folder))!.Faults.Single();
        Assert.That(fault.Number, Is.EqualTo(FaultNumber.DataFileMissing));
        Assert.That(fault.Where, Is.EqualTo(Path.Combine(_folder, "ist_compact.csv")));
        Assert.That(fault.Fix, Does.Contain("10.7488/ds/104"));
    }

    [Test]
    public void Another_file_than_the_declared_one_is_refused_together_with_what_else_is_wrong_with_it()
    {
        var files = $"files = [ {{ path = data.csv, sha256 = {new string('0', 64)} }} ]";
        AssertOnly(Faults(Header + North + South, files: files), FaultNumber.ChecksumDiffers, "data.csv",
            "sha256 under data.files");
        Assert.That(Faults(Header + North + South + "south,old,M,0\n", files: files).Select(fault => fault.Number),
            Is.EqualTo(new[] { FaultNumber.ChecksumDiffers, FaultNumber.NotANumber }));
    }

    [Test]
    public void A_hospital_of_one_class_is_refused_unless_the_split_allows_it()
    {
        var rows = Header + North + South.Replace(",1\n", ",0\n");
        AssertOnly(Faults(rows), FaultNumber.OneClassOnly, "hospital south", "same label");
        Assert.That(Load(rows, "splits.sites.one-class = allow").Hospitals[1].Train.Positives, Is.Zero);
    }

    [Test]
    public void A_test_of_one_class_is_refused()
    {
        var rows = Header + "north,40,M,0\nnorth,40,M,1\nsouth,41,M,0\nsouth,41,M,0\n";
        AssertOnly(
            Faults(rows,
                "splits.all { sites = label-counts\n hospitals = [ { name = a, positive = 1, negative = 1 } ]\n "
                    + "holdout = none, rest = test }\nsplit = all"),
            FaultNumber.OneClassOnly, "data.csv", "kept back for testing");
    }

    [Test]
    public void An_empty_hospital_is_named()
    {
        AssertOnly(
            Faults(Header + North + South,
                Groups("{ name = both, values = [north, south] }\n{ name = far, values = [west] }")),
            FaultNumber.EmptyHospital, "hospital far", "no row");
        AssertOnly(
            Faults(Header + North, "splits.files { sites = files, holdout = shuffled, test-one-in = 3 }\nsplit = files",
            files: "files = [ { path = data.csv, hospital = north }, { path = more.csv, hospital = south } ]",
            others: [("more.csv", Header + "south,?,M,0\n")]),
            FaultNumber.EmptyHospital, "hospital south", "no row");
        AssertOnly(Faults(Header + North + South, "splits.sites.minimum-rows = 7"), FaultNumber.EmptyHospital,
            "data.csv", "No hospital");
    }

    [Test]
    public void Hospitals_that_want_more_rows_than_there_are_are_named()
    {
        AssertOnly(
            Faults(Header + North,
                "splits.all { sites = label-counts\n hospitals = [ { name = a, positive = 2, negative = 4 } ]\n "
                    + "holdout = none, rest = test }\nsplit = all"),
            FaultNumber.EmptyHospital, "hospital a", "0 positive and 1 negative lack");
        AssertOnly(
            Faults(Header + North + South + "south,40,M,0\nsouth,40,M,1\n",
                "splits.even { sites = column, column = SITE, holdout = evenly-spaced, train = 7 }\nsplit = even"),
            FaultNumber.EmptyHospital, "hospital north", "6 rows where 7");
    }

    [Test]
    public void A_site_that_makes_no_hospital_name_is_refused()
    {
        var schema = Schema.Replace("values = [north, south, west]", "values = [north, \"St. Mary's\"]");
        AssertOnly(Faults(Header + North + South.Replace("south", "St. Mary's"), schema: schema),
            FaultNumber.ValueNotAllowed, "data.csv: line 8", "no hospital name");
    }

    [TestCase("nroth,1,train", FaultNumber.UnknownHospital, "line 3, column 'center'", "Did you mean 'north'?")]
    [TestCase("north,99,train", FaultNumber.ValueNotAllowed, "line 3, column 'line'", "'99'")]
    [TestCase("north,0,train", FaultNumber.ValueNotAllowed, "line 3, column 'line'", "'0'")]
    [TestCase("north,x,train", FaultNumber.ValueNotAllowed, "line 3, column 'line'", "'x'")]
    [TestCase("north,2,tset", FaultNumber.ValueNotAllowed, "line 3, column 'set'", "'tset'")]
    [TestCase("north,1,train", FaultNumber.DuplicateName, "line 3, column 'line'", "twice")]
    [TestCase("north,1", FaultNumber.RowMalformed, "line 3", "2 fields")]
    public void A_split_list_is_held_to_the_data(string row, FaultNumber number, string where, string what)
    {
        var faults =
            Faults(Header + North, List,
                others: [("list.csv", $"center,line,set\nnorth,1,train\n{row}\nnorth,3,test\n")]);
        AssertOnly(faults, number, $"list.csv: {where}", what);
    }

    [Test]
    public void A_split_list_that_is_missing_or_lacks_a_column_is_named()
    {
        AssertOnly(Faults(Header + North, List), FaultNumber.DataFileMissing, "list.csv", "no such file");
        AssertOnly(Faults(Header + North, List, others: [("list.csv", "centre,line,set\n")]), FaultNumber.MissingColumn,
            "list.csv: column 'center'", "center");
    }

    [Test]
    public void Rows_that_a_split_list_leaves_out_are_external()
    {
        var data =
            Load(Header + North, List,
                others: [("list.csv", "center,line,set\nnorth,1,train\nnorth,2,train\nnorth,3,test\nnorth,4,test\n")]);
        Assert.That((data.Hospitals[0].Train.Rows, data.Test.Rows, data.External!.Rows), Is.EqualTo((2, 2, 2)));
    }

    [TestCase("colums = []", FaultNumber.UnknownKey, "job.data.colums", "Did you mean 'columns'?")]
    [TestCase("header = maybe", FaultNumber.WrongType, "job.data.header", "on or off")]
    [TestCase("header = off", FaultNumber.NotAllowedTogether, "job.data.column-names", "no names")]
    [TestCase("column-names = [A]", FaultNumber.NotAllowedTogether, "job.data.column-names", "beside a header")]
    [TestCase("separator = \"ab\"", FaultNumber.ValueOutOfRange, "job.data.separator", "one character")]
    [TestCase("target = died", FaultNumber.UnknownName, "job.data.target", "Did you mean 'dead'?")]
    [TestCase("split = site", FaultNumber.UnknownName, "job.data.split", "Did you mean 'sites'?")]
    [TestCase("targets.dead.column = DAED", FaultNumber.UnknownColumn, "job.data.targets.dead.column",
        "Did you mean 'DEAD'?")]
    [TestCase("targets.dead.positive = [yes]", FaultNumber.WrongType, "job.data.targets.dead.positive", "'yes'")]
    [TestCase("targets.dead.positive = [0]", FaultNumber.DuplicateName, "job.data.targets.dead.negative", "'0'")]
    [TestCase("targets.dead.other = refuse", FaultNumber.UnknownKey, "job.data.targets.dead.other",
        "Did you mean 'others'?")]
    [TestCase("splits.sites.column = STIE", FaultNumber.UnknownColumn, "job.data.splits.sites.column",
        "Did you mean 'SITE'?")]
    [TestCase("splits.sites.sites = colum", FaultNumber.UnknownName, "job.data.splits.sites.sites",
        "Did you mean 'column'?")]
    [TestCase("splits.sites.test-one-in = 1", FaultNumber.ValueOutOfRange, "job.data.splits.sites.test-one-in", "1")]
    [TestCase("splits.sites.rest = test", FaultNumber.NotAllowedTogether, "job.data.splits.sites.rest", "rest")]
    [TestCase("files = []", FaultNumber.MissingKey, "job.data.files", "No file")]
    [TestCase("files = [ { path = data.csv, sha256 = abc } ]", FaultNumber.WrongType, "job.data.files[0].sha256",
        "SHA-256")]
    [TestCase("files = [ { path = a, hospital = x }, { path = b, hospital = x } ]", FaultNumber.DuplicateName,
        "job.data.files", "'x'")]
    [TestCase("files = [ { path = a, hospital = \"x y\" } ]", FaultNumber.ValueOutOfRange, "job.data.files[0].hospital",
        "'x y'")]
    [TestCase("features = [ { column = AEG } ]", FaultNumber.UnknownColumn, "job.data.features[0].column",
        "Did you mean 'AGE'?")]
    [TestCase("features = [ { column = SEX } ]", FaultNumber.NotAllowedTogether, "job.data.features[0].column",
        "category")]
    [TestCase("features = [ { column = SEX, is = [W] } ]", FaultNumber.UnknownName, "job.data.features[0].is", "'W'")]
    [TestCase("features = [ { column = AGE, scale = 0 } ]", FaultNumber.ValueOutOfRange, "job.data.features[0].scale",
        "zero")]
    [TestCase("features = [ { column = AGE, minimum = 3, maximum = 3 } ]", FaultNumber.ConstantColumn,
        "job.data.features[0].maximum", "never changes")]
    [TestCase("features = [ { column = AGE, minimum = 4, maximum = 3 } ]", FaultNumber.ValueOutOfRange,
        "job.data.features[0].minimum", "above")]
    [TestCase("features = [ { column = AGE, minimum = 4, maximum = 5, scale = 2 } ]", FaultNumber.NotAllowedTogether,
        "job.data.features[0].minimum", "one pair")]
    [TestCase("features = [ { column = AGE }, { column = AGE } ]", FaultNumber.DuplicateName, "job.data.features",
        "'AGE'")]
    [TestCase("features = [ { column = AGE, cetre = 4 } ]", FaultNumber.UnknownKey, "job.data.features[0].cetre",
        "Did you mean 'centre'?")]
    [TestCase("features = []", FaultNumber.MissingKey, "job.data.features", "no feature")]
    public void A_data_section_is_held_to_its_keys(string line, FaultNumber number, string where, string text) =>
        AssertOnly(PlanFaults(line), number, $"job.conf: {where}", text);

    [Test]
    public void Hospitals_of_a_split_need_names_of_their_own_and_values_of_the_column()
    {
        AssertOnly(PlanFaults(Groups("{ name = a, values = [north] }\n{ name = a, values = [south] }")),
            FaultNumber.DuplicateName, "job.data.splits.all.hospitals", "'a'");
        AssertOnly(PlanFaults(Groups("{ name = a, values = [north] }\n{ name = b, values = [north] }")),
            FaultNumber.DuplicateName, "job.data.splits.all.hospitals", "'north'");
        AssertOnly(PlanFaults(Groups("{ name = a, values = [nroth] }")), FaultNumber.UnknownName,
            "job.data.splits.all.hospitals[0].values", "Did you mean 'north'?");
        AssertOnly(
            PlanFaults(
                "splits.all { sites = groups, column = SITE, holdout = shuffled, test-one-in = 3 }\nsplit = all"),
                FaultNumber.MissingKey, "job.data.splits.all.hospitals", "no hospitals");
    }

    [Test]
    public void Everything_that_is_wrong_with_a_section_is_told_together() => Assert.That(
        PlanFaults("header = maybe\ncolour = red\nfeatures = [ { column = AEG, scale = x } ]")
        .Select(fault => fault.Number),
        Is.EquivalentTo(
            new[] { FaultNumber.WrongType, FaultNumber.UnknownKey, FaultNumber.UnknownColumn, FaultNumber.WrongType }));

    private const string List =
        "splits.all { sites = files, holdout = listed, list = list.csv }\nsplit = all\nfiles = [ { path = data.csv, "
            + "hospital = north } ]";

    private static string Groups(string hospitals) =>
        $"splits.all {{ sites = groups, column = SITE, holdout = shuffled, test-one-in = 3\nhospitals = "
            + $"[\n{hospitals}\n] }}\nsplit = all";

    private FederatedData Load(
        string text, string overrides = "", string schema = Schema, string files = "files = [ { path = data.csv } ]",
        params (string Name, string Text)[] others)
    {
        File.WriteAllText(Path.Combine(_folder, "data.csv"), text);
        foreach (var (name, content) in others)
            File.WriteAllText(Path.Combine(_folder, name), content);
        return DataLoader.Load(Plan($"{schema}\n{files}\n{overrides}"), _folder, null);
    }

    private Fault[] Faults(
        string text, string overrides = "", string schema = Schema, string files = "files = [ { path = data.csv } ]",
        params (string Name, string Text)[] others) =>
        [.. Assert.Throws<FaultException>(() => Load(text, overrides, schema, files, others))!.Faults];

    private static Fault[] PlanFaults(string overrides) =>
        [.. Assert.Throws<FaultException>(() =>
            Plan($"{Schema}\nfiles = [ {{ path = data.csv }} ]\n{overrides}"))!.Faults];

    private static DataPlan Plan(string section)
    {
        var faults = new List<Fault>();
        var plan =
            DataSection.Read(
                HoconReader.Of(ConfigurationFactory.ParseString($"job.data {{\n{section}\n}}"), "job.data", "job.conf",
                    faults));
        return faults.Count == 0 ? plan : throw new FaultException(faults);
    }

    private static void AssertOnly(Fault[] faults, FaultNumber number, string where, params string[] texts)
    {
        Assert.That(faults, Has.Length.EqualTo(1),
            string.Join(Environment.NewLine, faults.Select(fault => fault.ToString())));
        Assert.That(faults[0].Number, Is.EqualTo(number), faults[0].ToString());
        Assert.That(faults[0].Where, Does.Contain(where));
        Assert.That(faults[0].Fix, Is.Not.Empty);
        foreach (var text in texts)
            Assert.That(faults[0].ToString(), Does.Contain(text));
    }
}
