using FedActors.Core.Data;

namespace FedActors.Actors.Tests.Data;

public class BreastTumourTests
{
    [Test]
    public void Five_hospitals_take_their_case_mix_and_the_rest_is_the_test()
    {
        var data = SampleData.Load("breast-tumour");
        Assert.That(data.Hospitals.Select(h => (h.Hospital.ToString(), h.Train.Positives, h.Train.Rows - h.Train.Positives)), Is.EqualTo(
            new[] { ("amsterdam", 16, 24), ("berlin", 2, 38), ("madrid", 38, 2), ("milan", 28, 12), ("paris", 6, 34) }));
        Assert.That((data.Test.Rows, data.Test.Positives, data.External), Is.EqualTo((369, 122, (PatientTable?)null)));
        Assert.That(data.Test.Features, Is.EqualTo(30));
        Assert.That(data.Hospitals.SelectMany(h => h.Train.Values.ToArray()), Is.All.InRange(-1 - 1e-12, 1 + 1e-12));
    }
}
